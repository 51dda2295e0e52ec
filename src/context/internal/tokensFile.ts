/**
 * How many tokens a file has, by what its first bytes and its size tell. A picture is measured in tiles; for the others
 * there is a rule of thumb by size. Nothing is decoded but the bytes that are looked at.
 */

const tile = { side: 512, tokens: 170, base: 85, longest: 2048, shortest: 768 }
/** A picture of 1024 by 1024. */
const flatTokens = tile.base + 4 * tile.tokens

const pdf = { pageTokens: 2000, pageBytes: 50_000, mostPages: 100 }
const audio = { secondTokens: 32, secondBytes: 16_000, rawSecondBytes: 48_000 }
const video = { secondTokens: 300, secondBytes: 250_000 }
const bytesPerToken = { text: 3, other: 10 }

/**
 * The tokens of a file that is given as base64 or behind a URL.
 *
 * @category converters
 * @since 0.1.0
 */
export const estimateFile = (
  mediaType: string,
  data: { readonly base64: string } | { readonly url: string }
): number => {
  const base64 = "base64" in data ? data.base64 : inline(data.url)
  if (base64 === undefined) return flatTokens
  const bytes = byteLength(base64)
  const type = mediaType.toLowerCase()
  if (textual.test(type)) return bytes / bytesPerToken.text
  if (type.startsWith("image/")) return estimateImage(base64)
  if (type === "application/pdf") {
    return pdf.pageTokens * Math.min(pdf.mostPages, Math.max(1, Math.ceil(bytes / pdf.pageBytes)))
  }
  if (type.startsWith("audio/")) {
    return (audio.secondTokens * bytes) / (uncompressed.test(type) ? audio.rawSecondBytes : audio.secondBytes)
  }
  if (type.startsWith("video/")) return (video.secondTokens * bytes) / video.secondBytes
  return bytes / bytesPerToken.other
}

/**
 * Width and height of a PNG, JPEG, GIF or WebP in base64, when its header tells.
 *
 * @category converters
 * @since 0.1.0
 */
export const imageSize = (base64: string): readonly [width: number, height: number] | undefined => {
  const size = sizeOf(base64)
  return size !== undefined && size[0] > 0 && size[1] > 0 ? size : undefined
}

// internal

const textual = /^text\/|[/+](json|xml|yaml|x-yaml|javascript|typescript|csv|toml|x-sh|sql)$/
const uncompressed = /wav|wave|aiff|pcm|l16|basic/

/** The content of a `data:` URL. */
const inline = (url: string): string | undefined => {
  if (!url.startsWith("data:")) return undefined
  const header = /^data:[^,]*;base64,/i.exec(url.slice(0, 256))
  return header === null ? undefined : url.slice(header[0].length)
}

const byteLength = (base64: string): number => {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding)
}

const estimateImage = (base64: string): number => {
  const size = imageSize(base64)
  if (size === undefined) return flatTokens
  const [width, height] = size
  const scale = Math.min(1, tile.longest / Math.max(width, height), tile.shortest / Math.min(width, height))
  return tile.base + tile.tokens * tilesAlong(width * scale) * tilesAlong(height * scale)
}

/** Rounded first, because scaling leaves 512.0000000001. */
const tilesAlong = (length: number): number => Math.max(1, Math.ceil(Math.round(length) / tile.side))

const sizeOf = (base64: string): readonly [number, number] | undefined => {
  const at = (index: number) => byteAt(base64, index)
  const big = (index: number) => at(index) * 256 + at(index + 1)
  const little = (index: number) => at(index) + at(index + 1) * 256
  switch (big(0)) {
    case 0x8950:
      return [big(16) * 65536 + big(18), big(20) * 65536 + big(22)]
    case 0x4749:
      return [little(6), little(8)]
    case 0xffd8:
      return jpegSize(at, big)
    case 0x5249:
      return big(8) === 0x5745 ? webpSize(at, little) : undefined
    default:
      return undefined
  }
}

/** The size stands in the start-of-frame segment, behind previews and colour profiles of any length. */
const jpegSize = (
  at: (index: number) => number,
  big: (index: number) => number
): readonly [number, number] | undefined => {
  let index = 2
  for (let segments = 0; segments < 1000 && at(index) === 0xff; segments++) {
    const marker = at(index + 1)
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return [big(index + 7), big(index + 5)]
    }
    if (marker === 0xff) index += 1
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) index += 2
    else index += 2 + big(index + 2)
  }
  return undefined
}

const webpSize = (
  at: (index: number) => number,
  little: (index: number) => number
): readonly [number, number] | undefined => {
  switch (at(15)) {
    // "VP8 ", with loss.
    case 0x20:
      return [little(26) & 0x3fff, little(28) & 0x3fff]
    // "VP8L", without: two times 14 bits.
    case 0x4c:
      return [1 + (little(21) & 0x3fff), 1 + (((at(24) & 0x0f) << 10) | (at(23) << 2) | (at(22) >> 6))]
    // "VP8X", with more than a picture.
    case 0x58:
      return [1 + little(24) + at(26) * 65536, 1 + little(27) + at(29) * 65536]
    default:
      return undefined
  }
}

/** One byte of what base64 stands for; 0 behind its end. */
const byteAt = (base64: string, index: number): number => {
  const shift = (index % 3) * 2
  const position = Math.floor(index / 3) * 4 + (index % 3)
  const high = sextet(base64.charCodeAt(position))
  const low = sextet(base64.charCodeAt(position + 1))
  return ((high << (2 + shift)) | (low >> (4 - shift))) & 0xff
}

const sextet = (code: number): number => {
  if (code >= 97 && code <= 122) return code - 71
  if (code >= 65 && code <= 90) return code - 65
  if (code >= 48 && code <= 57) return code + 4
  if (code === 43 || code === 45) return 62
  return code === 47 || code === 95 ? 63 : 0
}
