import { InvalidArgumentError, Option } from 'commander';

/** Returns `--shutdown-delay` of servers that run behind a load balancer. */
export function shutdownDelayOption(): Option {
  const description = 'after SIGTERM, accept new connections for at least this time';
  return new Option('--shutdown-delay <seconds>', description).argParser(parseDelay).default(0);
}

function parseDelay(text: string): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds > 3600) throw new InvalidArgumentError('Want a number of seconds, at most 3600.');
  return seconds;
}
