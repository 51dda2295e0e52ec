/**
 * What part of the transcript is seen: its end, which it follows, or lines further up, which stay where they are while
 * more is written below.
 */

/**
 * The part. `top` is the first line that is seen; absent, the end is followed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Viewport {
  readonly top: number | undefined
}

/**
 * The end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const end: Viewport = { top: undefined }

/**
 * The lines that are seen, from the first to before `to`, and how many there are below.
 *
 * @category converters
 * @since 0.1.0
 */
export const seen = ({ top }: Viewport, height: number, rows: number) => {
  const from = Math.max(0, Math.min(top ?? height, height - rows))
  const to = Math.min(height, from + Math.max(0, rows))
  return { from, to, below: height - to }
}

/**
 * Scrolls by so many lines, backwards when negative. At the end it follows again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const scrolled = (viewport: Viewport, by: number, height: number, rows: number): Viewport => {
  const last = Math.max(0, height - rows)
  const top = Math.max(0, seen(viewport, height, rows).from + by)
  return top >= last ? end : { top }
}

/**
 * Moves as little as is needed to see a range of lines, its first before its last.
 *
 * @category combinators
 * @since 0.1.0
 */
export const showing = (
  viewport: Viewport,
  range: readonly [number, number],
  height: number,
  rows: number
): Viewport => {
  const { from, to } = seen(viewport, height, rows)
  const [first, last] = range
  if (first >= from && last <= to) return viewport
  const top = Math.min(first, Math.max(0, first < from ? first : last - rows))
  return top >= Math.max(0, height - rows) ? end : { top }
}
