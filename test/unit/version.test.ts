import { readFileSync } from 'node:fs'
import t from 'tap'
import { VERSION } from '../../src/version.ts'

t.test('the build says the version that its package has', async (t) => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  t.equal(VERSION, (JSON.parse(text) as { version: string }).version)
})
