/** Ten lines that import the package: in JavaScript, and in strict TypeScript. */

export const SCRIPT = `import { connect, json } from 'everwrite'

const [seed, key] = process.argv.slice(2)
const client = await connect({ seeds: [seed] })
const carts = client.bucket('carts', { codec: json() })
await carts.put(key, ['tea'], { replace: 'seen' })
const { siblings, context } = await carts.get(key)
await carts.put(key, [...siblings.flat(), 'milk'], { context })
await carts.update(key, (found) => [...found.flat(), 'bread'])
console.log(JSON.stringify((await carts.get(key)).siblings))
await client.close()
`

/** Without the types of Node.js, so that the package's own must be enough. */
export const TYPED_SCRIPT = `import { type Bucket, connect, json } from 'everwrite'

declare const process: { readonly argv: readonly string[] }
const [seed = '', key = ''] = process.argv.slice(2)
await using client = await connect({ seeds: [seed] })
const carts: Bucket<string[]> = client.bucket('carts', { codec: json<string[]>() })
await carts.put(key, ['tea'], { replace: 'seen' })
const { siblings, context } = await carts.get(key)
await carts.put(key, [...siblings.flat(), 'milk'], { context })
await carts.update(key, (found: readonly string[][]) => [...found.flat(), 'bread'])
const last: readonly string[][] = (await carts.get(key)).siblings
console.log(JSON.stringify(last))
`

/** What both print. */
export const PRINTED = '[["tea","milk","bread"]]'

/** Options of the compiler for each way to find the package's types. */
export const RESOLUTIONS: readonly (readonly string[])[] = [
  ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ['--module', 'node16', '--moduleResolution', 'node16'],
]
