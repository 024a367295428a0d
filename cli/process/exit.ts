/**
 * Ends the process when its output is written. Without this it would stay until its connections to
 * registries are closed and its memory is taken down, for tens of milliseconds.
 *
 * @param code the exit code
 */
export async function exitWhenWritten(code: number): Promise<never> {
  const streams = [process.stdout, process.stderr];
  // The callback also comes with an error, which has its own handler.
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))));
  process.exit(code);
}
