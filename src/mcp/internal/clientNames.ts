/**
 * Names of tools as models may have them: at most 64 of `A-Z a-z 0-9 _ -`, no two the same, and the same in every run, since
 * approvals and stored sessions know tools by their names.
 */

const longest = 64

/**
 * The name of a server's tool. `server__tool` when that is a name and can be read back; otherwise as much of it as fits, and
 * a hash of both. It depends on nothing else, so that no other server changes it.
 */
export const nameOf = (server: string, tool: string): string => {
  const whole = `${server}__${tool}`
  if (whole.length <= longest && /^[A-Za-z0-9_-]+$/.test(whole) && tool !== "" && isPlain(server)) return whole
  const hash = fingerprint(`${server}\0${tool}`)
  const safe = (text: string) => text.replace(/[^A-Za-z0-9-]+/g, "_").replace(/^_+|_+$/g, "")
  const head = `${safe(server).slice(0, 24) || "server"}__${safe(tool) || "tool"}`
  return `${head.slice(0, longest - hash.length - 1)}_${hash}`
}

// internal

/** Then the first `__` of a name ends its server, and no two pairs have the same name. */
const isPlain = (server: string): boolean => server !== "" && !server.includes("__") && !server.endsWith("_")

/** 64 bits of FNV-1a, in two halves, as 13 characters at most. */
const fingerprint = (text: string): string => {
  let [low, high] = [0x811c9dc5, 0x9dc5811c]
  for (let index = 0; index < text.length; index++) {
    low = Math.imul(low ^ text.charCodeAt(index), 0x01000193)
    high = Math.imul(high ^ text.charCodeAt(text.length - 1 - index), 0x01000193)
  }
  return [low, high].map((half) => (half >>> 0).toString(36)).join("")
}
