/**
 * The difference of two texts by lines, for people, and which of several texts is the most like another.
 */

/** Its lines that have changed, with two lines around them: `-` only on the left, `+` only on the right. */
export const diff = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): ReadonlyArray<string> => {
  let head = 0
  while (head < left.length && head < right.length && left[head] === right[head]) head++
  let tail = 0
  const most = Math.min(left.length, right.length) - head
  while (tail < most && left.at(-1 - tail) === right.at(-1 - tail)) tail++
  const middle = changes(left.slice(head, left.length - tail), right.slice(head, right.length - tail))
  const all: Array<Line> = [...left.slice(0, head).map(same), ...middle, ...left.slice(left.length - tail).map(same)]
  return excerpt(all)
}

/** The position of the text that has the most lines in common with this one; -1 when there is none. */
export const nearest = (texts: ReadonlyArray<ReadonlyArray<string>>, to: ReadonlyArray<string>): number => {
  const shares = texts.map((text) => likeness(text, to))
  return shares.indexOf(Math.max(...shares))
}

// internal

interface Line {
  readonly sign: " " | "-" | "+"
  readonly text: string
}

const same = (text: string): Line => ({ sign: " ", text })
const gone = (text: string): Line => ({ sign: "-", text })
const come = (text: string): Line => ({ sign: "+", text })

/** What a table of lengths may cost; longer texts are shown one after the other. */
const cells = 4_000_000
const linesAround = 2
const linesShown = 80

const likeness = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number => {
  const counts = new Map<string, number>()
  for (const line of left) counts.set(line, (counts.get(line) ?? 0) + 1)
  let common = 0
  for (const line of right) {
    const count = counts.get(line) ?? 0
    if (count > 0) common++
    counts.set(line, count - 1)
  }
  return (2 * common) / Math.max(1, left.length + right.length)
}

/** By the longest common subsequence. */
const changes = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): ReadonlyArray<Line> => {
  const width = right.length + 1
  if ((left.length + 1) * width > cells) return [...left.map(gone), ...right.map(come)]
  const lengths = new Uint32Array((left.length + 1) * width)
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      lengths[row * width + column] =
        left[row] === right[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: Array<Line> = []
  let row = 0
  let column = 0
  for (;;) {
    const mine = left[row]
    const other = right[column]
    if (mine === undefined && other === undefined) return lines
    if (mine !== undefined && mine === other) {
      lines.push(same(mine))
      row++
      column++
    } else if (mine !== undefined && (other === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(gone(mine))
      row++
    } else if (other !== undefined) {
      lines.push(come(other))
      column++
    }
  }
}

const excerpt = (lines: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const near = new Set<number>()
  lines.forEach(({ sign }, position) => {
    if (sign === " ") return
    for (let other = position - linesAround; other <= position + linesAround; other++) near.add(other)
  })
  const out: Array<string> = []
  lines.forEach(({ sign, text }, position) => {
    if (near.has(position)) out.push(`${sign} ${text}`)
    else if (near.has(position - 1) && position < lines.length) out.push("  …")
  })
  return out.length <= linesShown ? out : [...out.slice(0, linesShown), `  … and ${out.length - linesShown} more lines`]
}
