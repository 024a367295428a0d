/** Returns a time as metav1.Time: in seconds, so that what was written is what is read again. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Returns a time as metav1.MicroTime, which has exactly six digits after the seconds. */
export function formatMicroTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
