/** `footlights doctor`: looks at a host the way a person would after a 502, and says what is wrong and what to do. */
import { fileURLToPath } from 'node:url'
import { exitCodeOf, type Finding } from './finding.ts'
import { judgeInstallation, lookAtInstallation } from './installation.ts'
import { type DoctorOptions, parseOptions, USAGE, UsageError } from './options.ts'
import { textOf, textOfSummary } from './report.ts'
import { summarise } from './summary.ts'

const EX_USAGE = 64
const COULD_NOT_LOOK = 2
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Whoever read us has heard enough, as `head` does. */
class ReaderGone extends Error {}

let readerIsGone = false

function dismiss(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error
  readerIsGone = true
}

async function main(): Promise<number> {
  process.stdout.on('error', dismiss)
  const options = parseOptions(process.argv.slice(3))
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const findings = await look(options, (finding) => {
    if (readerIsGone) throw new ReaderGone()
    if (!options.json) process.stdout.write(`${textOf(finding)}\n`)
  })
  const summary = summarise(findings)
  const exitCode = exitCodeOf(findings)
  process.stdout.write(options.json ? `${JSON.stringify({ exitCode, summary, findings }, null, 2)}\n` : `${textOfSummary(summary)}\n`)
  return exitCode
}

/** Nothing else can be loaded, and nothing would run, without the packages: then this is all there is to say. */
async function look(options: DoctorOptions, report: (finding: Finding) => void): Promise<Finding[]> {
  const findings: Finding[] = []
  const say = (finding: Finding): void => {
    findings.push(finding)
    report(finding)
  }
  const installation = await lookAtInstallation(ROOT)
  for (const finding of judgeInstallation(installation)) say(finding)
  if (findings.some(({ cause }) => cause === 'packages')) return findings
  const { examine } = await import('./examine.ts')
  await examine({ options, installation, env: process.env, cwd: process.cwd() }, say)
  return findings
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    if (error instanceof UsageError) process.stderr.write(`footlights doctor: ${error.message}\n\n${USAGE}`)
    else if (!(error instanceof ReaderGone)) process.stderr.write(`footlights doctor could not look: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = error instanceof UsageError ? EX_USAGE : COULD_NOT_LOOK
  },
)
