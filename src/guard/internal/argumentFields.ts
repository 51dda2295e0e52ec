/**
 * The arguments of a call as a list of single values, each with the way to it, for guards that look at some of them and
 * for those that put others in their place. Nothing here recurses: a model decides how deep its arguments are.
 */

/** A value that is neither an array nor an object, and the keys that lead to it. */
export interface Leaf {
  readonly keys: ReadonlyArray<string>
  readonly value: unknown
}

/** All single values of some arguments, in the order in which they are written. */
export const leaves = (input: unknown): ReadonlyArray<Leaf> => {
  const found: Array<Leaf> = []
  const waiting: Array<Leaf> = [{ keys: [], value: input }]
  for (let leaf = waiting.pop(); leaf !== undefined; leaf = waiting.pop()) {
    const { keys, value } = leaf
    if (typeof value !== "object" || value === null) {
      found.push(leaf)
      continue
    }
    const entries = Object.entries(value)
    for (const [key, inner] of entries.reverse()) waiting.push({ keys: [...keys, key], value: inner })
  }
  return found
}

/** The arguments with other values in these places. What is not on the way to one of them stays the same object. */
export const replaced = (input: unknown, changes: ReadonlyArray<Leaf>): unknown =>
  changes.reduce<unknown>((whole, { keys, value }) => put(whole, keys, value), input)

/** Whether keys lead to a field or to what is in it. `*` stands for any one key. */
export const within = (field: string, keys: ReadonlyArray<string>): boolean => {
  const steps = field.split(".")
  return steps.length <= keys.length && steps.every((step, index) => step === "*" || step === keys[index])
}

/** The name of the field that keys lead to: the last of them that does not count the items of a list. */
export const nameOf = (keys: ReadonlyArray<string>): string => keys.findLast((key) => !/^\d+$/.test(key)) ?? ""

/** The words of a name, in lower case: `outputDir`, `output_dir` and "OUTPUT-DIR" are all `output`, `dir`. */
export const words = (name: string): ReadonlyArray<string> =>
  name
    .slice(0, maxName)
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")

const maxName = 200

const put = (whole: unknown, keys: ReadonlyArray<string>, value: unknown): unknown => {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (Array.isArray(whole)) return whole.map((item, index) => (String(index) === key ? put(item, rest, value) : item))
  if (typeof whole !== "object" || whole === null) return whole
  return Object.fromEntries(
    Object.entries(whole).map(([name, inner]) => [name, name === key ? put(inner, rest, value) : inner])
  )
}
