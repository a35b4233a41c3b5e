/** The host's metrics with nothing counted. */
import { Metrics as RealMetrics } from '../../../server/metrics.ts'

export * from '../../../server/metrics.ts'

export class Metrics extends RealMetrics {
  override ended(): void {}
  override dispatched(): void {}
  override batched(): void {}
  override observeHttp(): void {}
}
