import type { Limits } from './contract.ts'

/** An app that serves HTTP by itself. Accepted by the type, refused at start: apps are not supported yet. */
export interface AppSettings {
  command: string[]
}

/**
 * What `footlights.config.ts` may say. Every key is optional; an environment variable of the same setting wins.
 * Relative paths count from the folder of the file.
 */
export interface ConfigFile {
  /** TCP port, 0–65535; 0 takes a free one. `PORT`. Default 7860. */
  port?: number
  /** Address to bind. `HOST`. Default `127.0.0.1`. */
  host?: string
  /** Folder with one folder per model. `FOOTLIGHTS_MODELS`. Default `./models`. */
  models?: string
  /** Folder for uploads, results, run-state files. `FOOTLIGHTS_STATE`. Default: one per user and port under the system's temporary folder. */
  state?: string
  /** Bearer token that `/admin` wants. `FOOTLIGHTS_ADMIN_TOKEN`. Default: none, only local callers. */
  adminToken?: string
  /** `LOG_LEVEL`. Default `info`. */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** Whose `X-Forwarded-*` headers count, in Express's words: `loopback`, addresses, CIDR ranges, a number of hops, or all. Default `loopback`. */
  trustProxy?: boolean | number | string | string[]
  /** Public prefix behind a proxy, such as `/demos`. Default none. */
  rootPath?: string
  /** Host names that requests may be addressed to. Default: loopback names when bound to loopback, else any. */
  allowedHosts?: string[]
  /** Foreign origins whose pages may call, such as `https://example.org`; `*` is any. Default none. */
  allowedOrigins?: string[]
  /** Largest JSON body in MiB. Default 16. */
  maxBodyMb?: number
  /** Largest upload in MiB. Default 100. */
  maxUploadMb?: number
  /** Lets `url` inputs reach private and loopback addresses. Default false. */
  allowPrivateUrls?: boolean
  /** Seconds that uploads and results are kept. Default 86,400. */
  keepFilesSeconds?: number
  /** Longest wait for accepted predictions at a stop, in ms. Default 30,000. */
  drainMs?: number
  /** MiB of the machine's memory (or of our control group's) that shall stay available: below it idle models sleep. 0 never. Default: 5 %, from 64 to 512. */
  minFreeMb?: number
  /**
   * A changed, new or removed model comes into force by itself, the new version first. `FOOTLIGHTS_WATCH` (`on` or `off`). Default: where stdout
   * is a terminal and `NODE_ENV` is not `production`; elsewhere `POST /admin/<model>/restart` and the signal SIGUSR2 do it.
   */
  watch?: boolean
  /** Limits by model name; they win over the author's. */
  limits?: Record<string, Partial<Limits>>
  apps?: Record<string, AppSettings>
}

/** Types a configuration file: `export default defineConfig({ … })`. Returns its argument; the host checks it at start. */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config
}
