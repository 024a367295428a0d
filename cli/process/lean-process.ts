import { isSea } from 'node:sea';
import { setFlagsFromString } from 'node:v8';

/**
 * Makes this a process that needs little memory; to be called when it starts. By default, V8 lets
 * the young generation grow to 48 MiB, and a process that forwards messages fills and keeps it. If
 * it stays at its first size, 1 MiB, the shim needs 10 MiB less when idle and 100 MiB less under
 * load, and answers as fast. A service that receives profiles of 1 MiB grows by 9 MiB instead of
 * 17.
 *
 * Does nothing if the user has set the size.
 */
export function stayLean(): void {
  if (isChosen('--max-semi-space-size')) return;
  // V8 reads this flag at each growth, and --max-semi-space-size only when it starts.
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Makes this a process whose memory stays small under load; to be called when it starts. By
 * default, V8 lets the old generation grow to four times what is in use before it collects it. With
 * twice as much, the shim needs 75 MiB less under load, and a call that it forwards takes 10 us
 * more of a core.
 *
 * Does nothing if the user has set the growth or the size.
 */
export function collectOften(): void {
  if (isChosen('--heap-growing-percent') || isChosen('--max-old-space-size')) return;
  // V8 reads this flag at each collection. A maximum size would end a process that exceeds it.
  setFlagsFromString('--heap-growing-percent=100');
}

/** Reports whether the user has set an option of V8. */
function isChosen(option: string): boolean {
  const { env, execArgv } = process;
  // The options of the executable are its own, and it takes none of users.
  const options = isSea() ? [] : [...execArgv, env['NODE_OPTIONS'] ?? ''];
  return options.some((each) => each.includes(option));
}
