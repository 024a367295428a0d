import type { Logger } from 'pino';
import { withFlags } from '../terminal/hints.ts';

/** Opens the log of a service on stdout, one JSON object a line. Hints in it name flags. */
export async function openLog(name: string): Promise<Logger> {
  const { pino } = await import('pino');
  return pino({ name, serializers: { hint: withFlags } });
}
