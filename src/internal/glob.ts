/**
 * Names of which a part is left open. Time grows with the name only, however many parts that are.
 */

/** Makes the matcher of a name in which `*` stands for any characters. It matches whole texts. */
export const glob = (source: string): ((text: string) => boolean) => {
  const [first = "", ...rest] = source.split("*")
  const last = rest.pop()
  if (last === undefined) return (text) => text === source
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    const end = text.length - last.length
    const after = rest.reduce((from, part) => {
      const found = from < 0 ? -1 : text.indexOf(part, from)
      return found < 0 || found + part.length > end ? -1 : found + part.length
    }, first.length)
    return after >= 0
  }
}
