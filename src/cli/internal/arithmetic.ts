/**
 * Works out arithmetic: numbers, `+ - * / % ^`, brackets and a few functions. A parser of its own, because nothing that
 * a model writes may reach `eval`.
 */

/** The value, or what is wrong with the text and where. */
export type Outcome = { readonly value: number } | { readonly error: string }

const functions: Readonly<Record<string, (...values: ReadonlyArray<number>) => number>> = {
  sqrt: (value = Number.NaN) => Math.sqrt(value),
  abs: (value = Number.NaN) => Math.abs(value),
  round: (value = Number.NaN) => Math.round(value),
  floor: (value = Number.NaN) => Math.floor(value),
  ceil: (value = Number.NaN) => Math.ceil(value),
  log: (value = Number.NaN) => Math.log(value),
  sin: (value = Number.NaN) => Math.sin(value),
  cos: (value = Number.NaN) => Math.cos(value),
  min: (...values) => Math.min(...values),
  max: (...values) => Math.max(...values)
}
const constants: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E }

/** The names that may be used, for a tool's description. */
export const names: ReadonlyArray<string> = [...Object.keys(functions), ...Object.keys(constants)]

const longest = 1000
const deepest = 100

class Problem extends Error {}

/** Evaluates an expression. Deterministic; never throws. */
export const evaluate = (expression: string): Outcome => {
  if (expression.length > longest) return { error: `the expression is longer than ${longest} characters` }
  const reader: Reader = { tokens: [], next: 0, depth: 0 }
  try {
    reader.tokens = tokens(expression)
    const value = sum(reader)
    const rest = reader.tokens[reader.next]
    if (rest !== undefined) throw new Problem(`unexpected "${rest.text}" at character ${rest.at}`)
    if (!Number.isFinite(value)) return { error: "the result is not a finite number" }
    // Fifteen digits are certain; what comes after is the noise of binary fractions.
    return { value: Number(value.toPrecision(15)) }
  } catch (error) {
    if (error instanceof Problem) return { error: error.message }
    throw error
  }
}

interface Token {
  readonly text: string
  readonly at: number
}

interface Reader {
  tokens: ReadonlyArray<Token>
  next: number
  depth: number
}

const tokens = (expression: string): ReadonlyArray<Token> => {
  const out: Array<Token> = []
  const pattern = /\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|[a-z]+|\*\*|[-+*/%^(),])/iy
  const end = expression.trimEnd().length
  while (pattern.lastIndex < end) {
    const start = pattern.lastIndex
    const text = pattern.exec(expression)?.[1]
    if (text === undefined)
      throw new Problem(`unexpected "${expression.slice(start).trim()[0]}" at character ${start + 1}`)
    out.push({ text, at: pattern.lastIndex - text.length + 1 })
  }
  if (out.length === 0) throw new Problem("the expression is empty")
  return out
}

const take = (reader: Reader, ...texts: ReadonlyArray<string>): string | undefined => {
  const token = reader.tokens[reader.next]
  if (token === undefined || !texts.includes(token.text)) return undefined
  reader.next++
  return token.text
}

const sum = (reader: Reader): number => {
  if (++reader.depth > deepest) throw new Problem(`more than ${deepest} brackets within each other`)
  let value = product(reader)
  for (let sign = take(reader, "+", "-"); sign !== undefined; sign = take(reader, "+", "-")) {
    const right = product(reader)
    value = sign === "+" ? value + right : value - right
  }
  reader.depth--
  return value
}

const product = (reader: Reader): number => {
  let value = signed(reader)
  for (let sign = take(reader, "*", "/", "%"); sign !== undefined; sign = take(reader, "*", "/", "%")) {
    const right = signed(reader)
    if (sign !== "*" && right === 0) throw new Problem("division by zero")
    value = sign === "*" ? value * right : sign === "/" ? value / right : value % right
  }
  return value
}

/** A sign binds less than a power: -2^2 is -4. */
const signed = (reader: Reader): number => {
  let factor = 1
  for (let sign = take(reader, "+", "-"); sign !== undefined; sign = take(reader, "+", "-")) {
    if (sign === "-") factor = -factor
  }
  return factor * power(reader)
}

const power = (reader: Reader): number => {
  const base = atom(reader)
  if (take(reader, "^", "**") === undefined) return base
  if (++reader.depth > deepest) throw new Problem(`more than ${deepest} powers within each other`)
  const value = base ** signed(reader)
  reader.depth--
  return value
}

const atom = (reader: Reader): number => {
  const token = reader.tokens[reader.next++]
  if (token === undefined) throw new Problem("the expression ends too early")
  if (/^[\d.]/.test(token.text)) return Number(token.text)
  if (token.text === "(") return close(reader, sum(reader))
  const name = token.text.toLowerCase()
  const constant = Object.hasOwn(constants, name) ? constants[name] : undefined
  if (constant !== undefined) return constant
  const apply = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (apply === undefined) throw new Problem(`unexpected "${token.text}" at character ${token.at}`)
  if (take(reader, "(") === undefined) throw new Problem(`${name} needs brackets`)
  const values = [sum(reader)]
  while (take(reader, ",") !== undefined) values.push(sum(reader))
  return close(reader, apply(...values))
}

const close = (reader: Reader, value: number): number => {
  if (take(reader, ")") === undefined) throw new Problem('a ")" is missing')
  return value
}
