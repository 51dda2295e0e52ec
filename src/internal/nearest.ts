/**
 * Words that are not known, and which one of those that are was probably meant.
 */

/** The word that was probably meant, among those that are known. */
export const nearest = (name: string, among: ReadonlyArray<string>): string | undefined => {
  const near = among
    .map((known) => ({ known, far: known.startsWith(name) && name.length > 1 ? 0 : distance(name, known) }))
    .sort((left, right) => left.far - right.far)[0]
  return near !== undefined && near.far <= Math.min(3, Math.ceil(name.length / 3)) ? near.known : undefined
}

/** How many letters have to change to make one word of the other (Levenshtein). */
export const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 0; i < left.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < right.length; j++) {
      const change = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}
