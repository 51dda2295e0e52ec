/**
 * How names and quoted words are read, for all rules alike.
 */

/** A word, or several in quotes. */
export const token = String.raw`("[^"]+"|'[^']+'|\`[^\`]+\`|“[^”]+”|\S+)`

/** A whole clause. */
export const expression = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, "i")

/** Words without their quotes. */
export const bare = (text: string): string => {
  const inner = text.trim().replace(/^(["'`“])(.+)["'`”]$/, "$2")
  return /^readme$/i.test(inner) ? "README.md" : inner
}

/** Whether this is meant as a file. */
export const isPath = (name: string): boolean =>
  /^(["'`“]).+["'`”]$/.test(name) ||
  (/^\S+$/.test(name) &&
    !/^https?:/i.test(name) &&
    (/\/|^\.\w|\w\.[a-z]\w{0,9}$/i.test(name) || /^(?:readme|licen[cs]e|makefile|dockerfile|changelog)$/i.test(name)))
