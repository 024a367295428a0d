/** The error numbers that profiles commonly return, by name (errno(3), x86 and arm). */
export const errnoNumbers: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
};

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(errnoNumbers).map(([name, number]) => [number, name] as const),
);

/** Returns the name of an error number, or `errno 7` for one that is not in the list. */
export function errnoName(number: number): string {
  return names.get(number) ?? `errno ${number}`;
}
