/**
 * How many tokens a text has, estimated in one pass without a vocabulary. It walks the text as tokenizers cut it up, into
 * words, numbers, signs and spaces, and charges every character by its kind and by what it continues. No character ever
 * costs less than nothing, so that a longer text is never estimated at less. The figures are fitted to o200k_base.
 */

/** What a character is, for a tokenizer. Letters come last, by how dear their script is. */
const kinds = {
  space: 1,
  newline: 2,
  sign: 3,
  foreignSign: 4,
  surrogate: 5,
  digit: 6,
  upper: 7,
  lower: 8,
  /** Letters with accents, by the block they stand in. */
  latin1: 9,
  latinExtended: 10,
  vietnamese: 11,
  cyrillic: 12,
  cyrillicOther: 13,
  greek: 14,
  arabic: 15,
  hebrew: 16,
  indic: 17,
  thai: 18,
  han: 19,
  kana: 20,
  hangul: 21,
  letter: 22
} as const

/** Tokens of a word's first letter, and of each further one. */
const letters: Readonly<Record<number, readonly [first: number, rest: number]>> = {
  [kinds.upper]: [1, 0.15],
  [kinds.lower]: [1, 0.015],
  [kinds.latin1]: [1, 0.12],
  [kinds.latinExtended]: [1, 1],
  [kinds.vietnamese]: [1, 0.12],
  [kinds.cyrillic]: [1, 0.1],
  [kinds.cyrillicOther]: [1, 0.65],
  [kinds.greek]: [1, 0.29],
  [kinds.arabic]: [1, 0.17],
  [kinds.hebrew]: [1, 0.27],
  [kinds.indic]: [1, 0.2],
  [kinds.thai]: [1, 0.36],
  [kinds.han]: [1, 0.9],
  [kinds.kana]: [0.8, 0.65],
  [kinds.hangul]: [1, 0.66],
  [kinds.letter]: [1, 0.25]
}

/** A Latin letter beyond the sixth of its word. */
const longWord = 0.19
/** A letter in a chain of letters and digits that is too long to be made of words. */
const chainLimit = 32
const noise = 0.85
/** A sign that repeats the one before, and a letter that does. */
const repeated = 0.125
const surrogate = 0.95

const first = new Float64Array(32)
const rest = new Float64Array(32)
for (const [kind, [start, further]] of Object.entries(letters)) {
  first[Number(kind)] = start
  rest[Number(kind)] = further
}

/** The kinds of the characters that were met so far; 0 is unknown. */
const known = new Uint8Array(0x10000)

/**
 * The tokens of a text: 0 for nothing, otherwise any positive number.
 *
 * @category converters
 * @since 0.1.0
 */
export const estimateText = (text: string): number => {
  let total = 0
  let before = 0
  let previous = -1
  // How many characters of the same sort came in a row, and how many letters and digits.
  let run = 0
  let chain = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const kind = known[code] || learned(code)
    if (kind >= kinds.upper) {
      chain++
      if (before >= kinds.upper && !(kind === kinds.upper && before === kinds.lower)) {
        run++
        let cost = rest[kind] ?? 0
        if (kind <= kinds.latin1 && run > 6 && cost < longWord) cost = longWord
        if (kind <= kinds.lower) {
          if (chain > chainLimit) cost = noise
          if (code === previous && cost > repeated) cost = repeated
        }
        total += cost
      } else {
        // A single sign right before a word is often part of the word's token.
        total += before === kinds.sign && run === 1 ? 0.3 : (first[kind] ?? 1)
        run = 1
      }
    } else if (kind === kinds.digit) {
      chain++
      run = before === kind ? run + 1 : 1
      if (run % 3 === 1) total += before === kinds.space ? 2 : 1
    } else {
      chain = 0
      if (kind === kinds.space) {
        // One space belongs to the word behind it, more are a token together.
        run = before === kind ? run + 1 : 1
        if (run === 2) total += 1
        else if (run > 2) total += 1 / 64
        else if (code === 9) total += 0.5
      } else if (kind === kinds.newline) {
        total += before === kind ? 1 / 16 : before === kinds.sign ? 0.25 : 1
        run = 1
      } else if (kind === kinds.sign) {
        // Behind a space it is no part of the next word; so it counts as the second of a run.
        if (before === kind) {
          run++
          total += code === previous ? 1 / 16 : run > 3 ? 0.5 : 0.1
        } else {
          run = before === kinds.space ? 2 : 1
          total += 1
        }
      } else {
        total += kind === kinds.surrogate ? surrogate : 1
        run = 1
      }
    }
    before = kind
    previous = code
  }
  return total
}

// internal

const scripts: ReadonlyArray<readonly [kind: number, pattern: RegExp]> = [
  [kinds.newline, /[\r\n\u2028\u2029]/],
  [kinds.space, /\s/],
  [kinds.digit, /\p{N}/u],
  [kinds.lower, /[a-z]/],
  [kinds.upper, /[A-Z]/],
  [kinds.latin1, /(?=\p{Script=Latin})[\u00aa-\u00ff]/u],
  [kinds.vietnamese, /(?=\p{Script=Latin})[\u1e00-\u1eff\u01a0\u01a1\u01af\u01b0\u0110\u0111\u0102\u0103]/u],
  [kinds.latinExtended, /\p{Script=Latin}/u],
  [kinds.cyrillic, /[\u0410-\u044f\u0401\u0451]/],
  [kinds.cyrillicOther, /\p{Script=Cyrillic}/u],
  [kinds.greek, /\p{Script=Greek}/u],
  [kinds.arabic, /(?=[\p{L}\p{M}])\p{Script=Arabic}/u],
  [kinds.hebrew, /\p{Script=Hebrew}/u],
  [kinds.thai, /(?=[\p{L}\p{M}])[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u],
  [kinds.han, /\p{Script=Han}/u],
  [kinds.kana, /(?=\p{L})[\p{Script=Hiragana}\p{Script=Katakana}\u30fc]/u],
  [kinds.hangul, /\p{Script=Hangul}/u],
  [kinds.indic, /(?=[\p{L}\p{M}])[\u0900-\u0dff]/u],
  [kinds.letter, /[\p{L}\p{M}]/u],
  [kinds.surrogate, /[\ud800-\udfff]/],
  [kinds.sign, /[\0-\u00ff\u2000-\u206f]/]
]

const learned = (code: number): number => {
  const character = String.fromCharCode(code)
  const kind = scripts.find(([, pattern]) => pattern.test(character))?.[0] ?? kinds.foreignSign
  known[code] = kind
  return kind
}
