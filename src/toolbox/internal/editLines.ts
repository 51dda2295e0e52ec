/** Where in a text something is, in lines. */

/** The numbers of the lines that places are in, counted from 1. The places are in order. */
export const lineNumbers = (text: string, places: ReadonlyArray<number>): ReadonlyArray<number> => {
  let [at, line] = [0, 1]
  return places.map((place) => {
    for (let next = text.indexOf("\n", at); next >= 0 && next < place; next = text.indexOf("\n", at)) {
      line++
      at = next + 1
    }
    return line
  })
}

/** Where every line of a text begins, and where it ends. */
export const lineStarts = (text: string): ReadonlyArray<number> => {
  const starts: Array<number> = []
  for (let at = 0; at < text.length; ) {
    starts.push(at)
    const next = text.indexOf("\n", at)
    at = next < 0 ? text.length : next + 1
  }
  return starts
}
