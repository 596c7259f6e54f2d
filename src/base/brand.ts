/**
 * Types that the compiler keeps apart although they are the same at run time.
 *
 *     type NodeId = Brand<string, 'NodeId'>
 *
 * A plain value becomes a branded one in few named places (`nodeIdOf`, `u64`), which check it or
 * say what they require.
 */
declare const brand: unique symbol

export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }
