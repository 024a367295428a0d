import { readSampling } from '#lib/telemetry/settings';
import type { Telemetry, TelemetryOptions } from '#lib/telemetry/telemetry';

/**
 * Starts to send traces if the OTEL_… variables specify an endpoint; the SDK is loaded only then.
 * Throws InvalidInput if they are invalid.
 */
export async function openTelemetry(
  env: Readonly<Record<string, string | undefined>>,
  options: Omit<TelemetryOptions, 'sampling'>,
): Promise<Telemetry | undefined> {
  const sampling = readSampling(env);
  if (sampling === undefined) return undefined;
  const { Telemetry } = await import('#lib/telemetry/telemetry');
  return new Telemetry({ ...options, sampling });
}
