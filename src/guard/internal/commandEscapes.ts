/**
 * The escapes of `$'…'`, as far as they mean ASCII characters. Its own file, since it knows nothing of commands.
 */

/** The text that the inside of `$'…'` stands for; `undefined` when an escape is unknown or leaves ASCII. */
export const unescaped = (body: string): string | undefined => {
  let unknown = false
  const text = body.replace(escape, (all, ...groups: ReadonlyArray<string | undefined>) => {
    const [byte, short, long, octal, plain] = groups
    const code = Number.parseInt(byte ?? short ?? long ?? octal ?? "", octal === undefined ? 16 : 8)
    const numbered = code > 0 && code < 128 ? String.fromCharCode(code) : undefined
    const found = plain === undefined ? numbered : Object.hasOwn(escapes, plain) ? escapes[plain] : undefined
    unknown ||= found === undefined
    return found ?? all
  })
  return unknown ? undefined : text
}

// internal

const escape = /\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|([\s\S]|$))/g

const escapes: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", e: "\x1b", E: "\x1b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  ...{ "\\": "\\", '"': '"', "?": "?" }
}
