/**
 * What bubblewrap is told: which part of this machine commands see, and as whom.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** A folder of this machine and where commands see it. */
export interface Bound {
  readonly host: string
  readonly at: string
  readonly isWritable: boolean
}

export interface WallsOptions {
  readonly bound: ReadonlyArray<Bound>
  /** A folder with `passwd`, `group` and `hosts` of the sandbox. */
  readonly names: string
  readonly network: boolean
  readonly hostname: string
  /** Whether this bubblewrap can keep commands from making namespaces of their own. */
  readonly canDisable: boolean
}

/** The user that commands run as, who owns what this process owns. */
export const user = (): { readonly uid: number; readonly gid: number } => {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return { uid: uid === 0 ? 1000 : uid, gid: gid === 0 ? 1000 : gid }
}

/** Where commands find their own files, kept from one command to the next. */
export const home = "/home/user"

/** The options of bubblewrap for all commands of a sandbox. */
export const options = ({ bound, canDisable, hostname, names, network }: WallsOptions): ReadonlyArray<string> => {
  const { gid, uid } = user()
  return [
    ...["--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL", "--hostname", hostname],
    ...(canDisable ? ["--disable-userns"] : []),
    ...(network ? ["--share-net"] : []),
    ...["--uid", String(uid), "--gid", String(gid)],
    ...systemFolders.flatMap(system),
    ...[...settings, ...(network ? networkSettings : [])].flatMap((path) => readOnly(path, path)),
    ...["passwd", "group"].flatMap((name) => ["--ro-bind", Path.join(names, name), `/etc/${name}`]),
    ...(network ? [] : ["--ro-bind", Path.join(names, "hosts"), "/etc/hosts"]),
    ...["--proc", "/proc", ...closedDoors.flatMap((path) => readOnly(path, path))],
    ...hidden.flatMap((path) => (Fs.existsSync(path) ? ["--ro-bind", "/dev/null", path] : [])),
    ...["--dev", "/dev", "--size", shmBytes, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"],
    ...["--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"],
    ...bound.flatMap(({ at, host, isWritable }) => [isWritable ? "--bind" : "--ro-bind", host, at]),
    ...["--remount-ro", "/"]
  ]
}

/** What a path that commands see is on this machine, if it is anything there. */
export const seen =
  (bound: ReadonlyArray<Bound>) =>
  (path: string): string | undefined => {
    // The last one that was bound is on top.
    const inside = bound.filter(({ at }) => path === at || path.startsWith(at === "/" ? "/" : `${at}/`)).at(-1)
    if (inside !== undefined) return Path.join(inside.host, path.slice(inside.at.length))
    return systemFolders.some((folder) => path === folder || path.startsWith(`${folder}/`)) ? path : undefined
  }

/** Variables that commands see unless others are given. */
export const environment = (
  host: Readonly<Record<string, string | undefined>>,
  path: string
): Readonly<Record<string, string>> => {
  const same = Object.entries(host).flatMap(([name, value]) =>
    value !== undefined && /^(LANG|LANGUAGE|LC_.*|TERM|TZ)$/.test(name) ? [[name, value] as const] : []
  )
  const own = { PATH: path, HOME: home, USER: "user", LOGNAME: "user", SHELL: "/bin/sh", TMPDIR: "/tmp" }
  return { ...own, ...Object.fromEntries(same) }
}

/** The files that give the user of the sandbox a name. */
export const nameFiles = (): Readonly<Record<string, string>> => {
  const { gid, uid } = user()
  return {
    passwd: `user:x:${uid}:${gid}:user:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n`,
    group: `user:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: "127.0.0.1 localhost\n::1 localhost\n"
  }
}

// internal

/** Settings of the kernel. They ask who owns them and no more, and root owns them, without any rights, too. */
const closedDoors = ["acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger", "pressure"].map(
  (name) => `/proc/${name}`
)

/** What the kernel tells of itself and of others. */
const hidden = ["kallsyms", "kcore", "keys", "kmsg", "latency_stats", "sched_debug", "slabinfo", "timer_list"].map(
  (name) => `/proc/${name}`
)

/** What commands share memory in, which counts as nobody's. */
const shmBytes = String(64 * 1024 * 1024)

const systemFolders = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

/** Settings of programs and of the system that hold no secrets. Of the folders for certificates those without keys. */
const settings = [
  ...[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "fonts",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d"
  ],
  ...["localtime", "magic", "mime.types", "nsswitch.conf", "os-release", "perl", "pki/ca-trust", "pki/tls/certs"],
  ...["protocols", "python3", "services", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone"]
].map((name) => `/etc/${name}`)

const networkSettings = ["/etc/resolv.conf", "/etc/hosts", "/etc/gai.conf"]

/** A folder of the system, as a link where it is one here. */
const system = (folder: string): ReadonlyArray<string> => {
  const stat = Fs.lstatSync(folder, { throwIfNoEntry: false })
  if (stat === undefined) return []
  return stat.isSymbolicLink() ? ["--symlink", Fs.readlinkSync(folder), folder] : ["--ro-bind", folder, folder]
}

/** Whatever a link leads to, for that may be where commands do not see it. */
const readOnly = (path: string, at: string): ReadonlyArray<string> =>
  Fs.existsSync(path) ? ["--ro-bind", Fs.realpathSync(path), at] : []
