/**
 * Where a URL leads: which machine its host names, in whatever notation, and whether that is one of a private network.
 */
import * as Either from "effect/Either"

/** A URL that has one reading. `host` has no trailing dot and no brackets, `port` is the one that will be used. */
export interface Target {
  readonly href: string
  readonly scheme: string
  readonly host: string
  readonly port: string
}

const maxLength = 8192

const defaultPorts: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["https", "443"],
  ["ws", "80"],
  ["wss", "443"],
  ["ftp", "21"]
])

/** Reads a URL, or says what is wrong with it. A text without a scheme is read as one of `https`. */
export const parsed = (text: string, schemes: ReadonlySet<string>): Either.Either<Target, string> => {
  if (text.length > maxLength) return Either.left(`it is longer than ${maxLength} characters`)
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) return Either.left("it contains characters that cannot be seen")
  if (/\s/.test(text)) return Either.left("it contains spaces: write them as %20")
  if (text.includes("\\")) return Either.left("it contains a backslash, which has two readings")
  const scheme = /^([a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))/i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && !schemes.has(scheme)) return Either.left(`${scheme}: is not a scheme that may be used`)
  if (scheme !== undefined && !/^[^:]*:\/\/[^/]/.test(text)) return Either.left("its host does not follow //")
  const whole = scheme === undefined ? `https://${text.replace(/^\/\//, "")}` : text
  if (!URL.canParse(whole)) return Either.left("it is no valid URL")
  const url = new URL(whole)
  const protocol = url.protocol.slice(0, -1)
  if (!schemes.has(protocol)) return Either.left(`${protocol}: is not a scheme that may be used`)
  // `@` in the part that names the host, even with nothing before it, makes readers disagree on which part that is.
  if (/^[^/]*\/\/[^/?#]*@/.test(whole)) return Either.left("it has a name or a password before its host")
  if (/^[^/]*\/\/[^/?#]*%/.test(whole)) return Either.left("its host is written with percent signs")
  const host = bare(url.hostname)
  if (host === "" || /(?:^|\.)(?:\.|$)/.test(host)) return Either.left("it has no valid host")
  return Either.right({ href: url.href, scheme: protocol, host, port: url.port || (defaultPorts.get(protocol) ?? "") })
}

/** Why a host is one of a private network, or nothing when it may be one of the internet. */
export const privacy = (host: string): string | undefined => {
  const four = ipv4(host)
  if (four !== undefined) return isPublic4(four) ? undefined : "an address of a private or special network"
  if (host.includes(":")) return isPublic6(groups(host)) ? undefined : "an address of a private or special network"
  if (!host.includes(".")) return "a name without a domain, which a private network resolves"
  if (privateSuffixes.some((suffix) => host.endsWith(suffix))) return "a name of a private network"
  return selfNaming.some((name) => host === name || host.endsWith(`.${name}`))
    ? "a public name for addresses of private networks"
    : undefined
}

/** A host and port that rules name: one host, all hosts below a domain, or any. */
export interface Pattern {
  readonly host: string
  readonly below: boolean
  readonly port: string | undefined
}

/** Reads `example.com`, `*.example.com` or `*`, with `:8080` or `:*` when wanted, or says what is wrong. */
export const pattern = (text: string): Either.Either<Pattern, string> => {
  const [, name = "", port] =
    /^(.*?)(?::(\d{1,5}|\*))?$/.exec(text.includes("::") && !text.includes("]") ? `[${text}]` : text) ?? []
  if (name === "*") return Either.right({ host: "", below: true, port })
  const below = name.startsWith("*.")
  const rest = below ? name.slice(2) : name
  if (rest === "" || /[\s/\\@?#*%]/.test(rest)) return Either.left("a host is like example.com, *.example.com or *")
  if (!URL.canParse(`https://${rest}`)) return Either.left("it is no valid host")
  const url = new URL(`https://${rest}`)
  if (url.port !== "" || Number(port === "*" ? 0 : (port ?? 0)) > 65535) {
    return Either.left("its port is not a number up to 65535")
  }
  return Either.right({ host: bare(url.hostname), below, port })
}

/** Whether a pattern names the host of a URL. Without a port it means `ports`: those of the schemes, or all. */
export const matches = ({ below, host, port }: Pattern, target: Target, ports: "usual" | "all"): boolean => {
  const named = below ? host === "" || target.host.endsWith(`.${host}`) : target.host === host
  const open = port === undefined ? ports === "all" || defaultPorts.get(target.scheme) === target.port : port === "*"
  return named && (open || port === target.port)
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")

const privateSuffixes: ReadonlyArray<string> = [
  ...[".localhost", ".local", ".localdomain", ".internal", ".intranet", ".private", ".corp", ".home", ".lan"],
  ...[".home.arpa", ".in-addr.arpa", ".ip6.arpa", ".cluster.local", ".svc", ".test", ".invalid", ".onion"]
]

/** Public domains whose names resolve to whatever address stands in them, or to the machine itself. */
const selfNaming: ReadonlyArray<string> = [
  ...["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "yoogle.com"],
  ...["localho.st", "127-0-0-1.org.uk", "traefik.me", "backname.io", "rebind.it", "rbndr.us", "1u.ms"]
]

/** The four numbers of an address. The parser of URLs has brought all notations into this one. */
const ipv4 = (host: string): number | undefined =>
  /^\d+\.\d+\.\d+\.\d+$/.test(host) ? host.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) : undefined

/** Networks that are not the internet: address and length, from the registry of special addresses. */
const special4: ReadonlyArray<readonly [address: string, bits: number]> = [
  ...([
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16]
  ] as const),
  ...([
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.88.99.0", 24],
    ["192.168.0.0", 16]
  ] as const),
  ...([
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 4],
    ["240.0.0.0", 4]
  ] as const),
  // Public addresses at which clouds tell machines their secrets.
  ...([
    ["168.63.129.16", 32],
    ["100.100.100.200", 32]
  ] as const)
]

const isPublic4 = (address: number): boolean =>
  !special4.some(([network, bits]) => {
    const size = 2 ** (32 - bits)
    return Math.floor(address / size) === Math.floor((ipv4(network) ?? 0) / size)
  })

/** The eight numbers of an address. */
const groups = (host: string): ReadonlyArray<number> => {
  const [head = "", tail] = host.split("::")
  const read = (text: string | undefined): ReadonlyArray<number> =>
    text === undefined || text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16))
  const [before, after] = [read(head), read(tail)]
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

/** Only what is given out to the internet is public, and of that not what carries an address of the older kind. */
const isPublic6 = ([a = 0, b = 0, , , e = 0, f = 0]: ReadonlyArray<number>): boolean =>
  a >= 0x2000 &&
  a < 0x4000 &&
  a !== 0x2002 &&
  !(a === 0x2001 && (b < 0x200 || b === 0xdb8)) &&
  !(a === 0x3fff && b < 0x1000) &&
  !((e & 0xfdff) === 0 && f === 0x5efe)
