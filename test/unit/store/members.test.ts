/** The file of members: written whole, read back, refused where it is garbled. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { MemberState } from '../../../src/dynamo/membership/member-record.ts'
import { type MembersState, readMembers, writeMembers } from '../../../src/store/members.ts'
import { fields, record } from '../dynamo/membership/samples.ts'
import { Lab } from './lab.ts'

const { id: _, ...REST } = fields(1)
const STATE: MembersState = {
  records: [
    record(1, { name: 'a "quoted" näme' }),
    record(2, { state: MemberState.gone, version: 2 ** 48 - 1, weight: 0.5 }),
  ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  earlier: [{ ...record(1), host: '10.0.0.9' }].map(
    ({ id, name, host, clientPort, peerPort, machine, zone, weight }) => {
      return { id, name, host, clientPort, peerPort, machine, zone, weight }
    },
  ),
}

void t.test('it is read as it was written', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      t.equal(await readMembers(await lab.directory()), undefined, 'there is none yet')
      for (const state of [STATE, { records: [], earlier: [] }]) {
        await writeMembers(await lab.directory(), state)
        lab.crash()
        t.same(await readMembers(await lab.directory()), state)
      }
    })(),
  )
})

void t.test('a crash while it is replaced leaves the old one or the new one', async (t) => {
  const after = { ...STATE, records: [record(3)] }
  for (let seed = 1; seed <= 40; seed++) {
    const lab = new Lab(seed)
    await lab.done(
      (async () => {
        await writeMembers(await lab.directory(), STATE)
        const writing = writeMembers(await lab.directory(), after).catch(() => undefined)
        await Promise.race([writing, lab.pause(lab.prng.below(3000) / 1000)])
        lab.crash()
        const { records } = (await readMembers(await lab.directory())) ?? { records: [] }
        if (records.length === 0) t.fail(`seed ${seed}`)
      })(),
    )
  }
  t.pass('forty seeds')
})

void t.test('one that is cut or changed anywhere is rotten', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      await writeMembers(await lab.directory(), STATE)
      const text = utf8Text(await lab.read('members'))
      const row = JSON.stringify({ ...REST, id: 'no id' })
      const garbled = [
        '',
        text.slice(0, -1),
        text.slice(1),
        text.replace('10.0.0.9', '10.0.0.8'),
        text.replace('members 1', 'members 2'),
        `${text}\n`,
        `everwrite members 1\nmember ${row}\ncrc32c 00000000\n`,
      ]
      for (const one of garbled) {
        await lab.write('members', utf8Bytes(one))
        await t.rejects(readMembers(await lab.directory()), { code: 'data-rotten' })
      }
    })(),
  )
})
