import type { Drill } from './drill.ts'
import type { Row } from './row.ts'
import { Stage, type StageSettings } from './stage.ts'

/** Runs one drill from an empty stage to an empty stage. Never rejects: what goes wrong is a complaint of its row. */
export async function runDrill(drill: Drill, settings: StageSettings): Promise<Row> {
  const stage = new Stage(drill, settings)
  try {
    await drill.run(stage)
  } catch (error) {
    return await stage.finish(error)
  }
  return await stage.finish()
}
