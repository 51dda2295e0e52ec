/** Bytes as people read them: where they are, their values, and those that are letters. */

/** A line for sixteen bytes each. `offset` is where they begin in the file. */
export const dump = (bytes: Uint8Array, offset: number): string => {
  const lines: Array<string> = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const values = row.map((byte) => byte.toString(16).padStart(2, "0"))
    const hex = `${values.slice(0, 8).join(" ").padEnd(23)}  ${values.slice(8).join(" ").padEnd(23)}`
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("")
    lines.push(`${(offset + at).toString(16).padStart(8, "0")}  ${hex}  |${letters}|`)
  }
  return lines.join("\n")
}

/** A number of bytes in words, as in `12.3 MB`. */
export const sizeOf = (bytes: number): string => {
  const unit = units.findLast(([size]) => bytes >= size)
  return unit === undefined
    ? `${bytes} ${bytes === 1 ? "byte" : "bytes"}`
    : `${(bytes / unit[0]).toFixed(1)} ${unit[1]}`
}

const units = [
  [1024, "KB"],
  [1024 ** 2, "MB"],
  [1024 ** 3, "GB"],
  [1024 ** 4, "TB"]
] as const
