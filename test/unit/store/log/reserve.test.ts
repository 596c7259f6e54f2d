/** A reserve that is not what the log left there. */
import t from 'tap'
import { textOf } from '../../../../src/store/conformance/subject.ts'
import { keep, Lab } from '../lab.ts'

for (const code of ['EISDIR', 'ELOOP', 'ENXIO', 'EFTYPE']) {
  void t.test(`a reserve that is no plain file (${code}) is named`, async (t) => {
    const lab = new Lab(1)
    await lab.done(
      (async () => {
        const { engine } = await lab.open()
        await keep(engine, 'a', '1')
        await engine.close()
        lab.disk.arm({ call: 'open', name: 'reserve', code })
        const message = /^reserve in \/data is no plain file: move it away/
        await t.rejects(lab.open(), { code: 'data-rotten', message })
        t.equal(await textOf((await lab.open()).engine, 'a'), '1', 'it starts without')
      })(),
    )
  })
}
