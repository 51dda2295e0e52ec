/**
 * Texts and times as databases take them.
 */

/** A text as databases take it: PostgreSQL has no NUL, and neither has halves of characters. */
export const toKey = (text: string): string => (odd.test(text) ? `\u0001${JSON.stringify(text)}` : text)

export const fromKey = (key: string): string => (key.startsWith("\u0001") ? JSON.parse(key.slice(1)) : key)

/** Whether a text is none that a database has. */
export const isOdd = (text: string): boolean => odd.test(text.replaceAll("\u0001", ""))

/** A time as databases take it: whole milliseconds, and never without end. What is no number is the beginning. */
export const toWhole = (millis: number): number =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, Math.ceil(millis))) || 0

// internal

const odd = /[\u0000\u0001]|\p{Surrogate}/u
