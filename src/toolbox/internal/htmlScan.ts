/**
 * HTML before it is parsed: what nobody reads is taken out, and tags beyond a depth lose their brackets, because trees as
 * deep as a page likes cost any parser the square of it. One pass, linear in the text.
 */

/** What a scan finds. `title` and `base` are as they are written. */
export interface Scanned {
  readonly html: string
  readonly title: string | undefined
  readonly base: string | undefined
}

/** Deepest nesting of elements that is kept, and of those whose content is written anew at every level. */
const deepest = 100
const deepestBlocks = 12

/** Reads a page and answers it without scripts, styles, comments and their like. */
export const scan = (source: string): Scanned => {
  const state: State = { kept: [], open: [], title: undefined, base: undefined }
  let from = 0
  tag.lastIndex = 0
  for (let found = tag.exec(source); found !== null; found = tag.exec(source)) {
    const [begin, slash, written] = found
    if (begin.startsWith("<!--")) {
      state.kept.push(source.slice(from, found.index))
      from = after(source, "-->", tag.lastIndex - 2)
    } else if (written !== undefined) {
      const name = written.toLowerCase()
      const end = endOfTag(source, tag.lastIndex)
      if (slash === "/" || !dropped.has(name)) {
        const isKept = slash === "/" ? close(state, name) : enter(state, name)
        if (name === "base") state.base ??= attribute(source.slice(found.index, end), "href")
        if (!isKept) {
          state.kept.push(source.slice(from, found.index), " ")
          from = end
        }
        tag.lastIndex = end
        continue
      }
      state.kept.push(source.slice(from, found.index))
      from = source[end - 2] === "/" && !texts.has(name) ? end : after(source, `</${name}`, end)
      if (name === "title") state.title ??= source.slice(end, from).replace(/<\/title[^>]*>?$/i, "")
    }
    tag.lastIndex = from
  }
  return { html: state.kept.join("") + source.slice(from), title: state.title, base: state.base }
}

// internal

interface State {
  readonly kept: Array<string>
  /** The elements that are open, at most `deepest`. */
  readonly open: Array<string>
  title: string | undefined
  base: string | undefined
}

const tag = /<!--|<(\/?)([a-z][a-z0-9:-]*)/gi

/** What has no words, or none that are shown; with their content. */
const dropped = new Set([
  ...["script", "style", "template", "noscript", "svg", "canvas", "iframe", "object", "title"],
  ...["textarea", "select", "audio", "video", "map", "math", "xmp", "noembed", "noframes"]
])

/** Those of them in which tags are no tags. */
const texts = new Set(["script", "style", "title", "textarea", "iframe", "xmp", "noembed", "noframes"])

const empty = new Set([
  ...["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
])

const rewritten = new Set(["ul", "ol", "blockquote", "table", "pre"])

/** Elements that end where the next of their kind begins. */
const kinds: ReadonlyMap<string, number> = new Map([
  ...(["td", "th"] as const).map((name) => [name, 1] as const),
  ...(["dt", "dd"] as const).map((name) => [name, 2] as const),
  ...(["thead", "tbody", "tfoot"] as const).map((name) => [name, 3] as const),
  ...(["p", "li", "tr", "option"] as const).map((name, index) => [name, 4 + index] as const)
])

/** Whether an element is shallow enough to be kept. */
const enter = ({ open }: State, name: string): boolean => {
  if (empty.has(name)) return true
  const kind = kinds.get(name)
  if (kind !== undefined && kinds.get(open.at(-1) ?? "") === kind) open.pop()
  if (name === "tr" && kinds.get(open.at(-1) ?? "") === 1) open.length -= open.at(-2) === "tr" ? 2 : 1
  if (open.length >= deepest) return false
  if (rewritten.has(name) && open.filter((name) => rewritten.has(name)).length >= deepestBlocks) return false
  open.push(name)
  return true
}

/** Whether what an end tag ends was kept. */
const close = ({ open }: State, name: string): boolean => {
  const at = open.lastIndexOf(name)
  if (at >= 0) open.length = at
  return at >= 0
}

/** Where a tag ends: its bracket, but none within quotes. */
const endOfTag = (source: string, from: number): number => {
  mark.lastIndex = from
  for (let found = mark.exec(source); found !== null; found = mark.exec(source)) {
    if (found[0] === ">") return mark.lastIndex
    const closing = source.indexOf(found[0], mark.lastIndex)
    if (closing < 0) return source.length
    mark.lastIndex = closing + 1
  }
  return source.length
}

const mark = /[>"']/g

/** Behind the end of what was found, or of the whole text. */
const after = (source: string, word: string, from: number): number => {
  const pattern =
    word === "-->" ? ends.comment : (ends.named.get(word) ?? new RegExp(`${word}(?=[\\s/>])[^>]*>?`, "gi"))
  ends.named.set(word, pattern)
  pattern.lastIndex = from
  return pattern.exec(source) === null ? source.length : pattern.lastIndex
}

const ends = { comment: /--!?>/g, named: new Map<string, RegExp>() }

const attribute = (text: string, name: string): string | undefined => {
  const [, double, single, bare] =
    new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, "i").exec(text) ?? []
  return double ?? single ?? bare
}
