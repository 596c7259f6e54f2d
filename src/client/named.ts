/** Members by their names, as programs and operators give them. */
import { kindOf, unsent } from './failure.ts'
import type { Link } from './link.ts'
import type { Pool } from './pool.ts'

/** The link to the member of this name. Throws `input-wrong` where there is none. */
export function linkNamed(pool: Pool, callee: string, node: string): Link {
  if (typeof node !== 'string') {
    throw unsent('input-wrong', `${callee} takes the name of a node, not ${kindOf(node)}`)
  }
  const link = pool.named(node) ?? pool.at(node)
  if (link !== undefined) return link
  const names = pool.routes?.members.map((member) => member.name).join(', ')
  throw unsent(
    'input-wrong',
    `no member is named ${node}: the members are ${names ?? 'not known yet'}`,
  )
}
