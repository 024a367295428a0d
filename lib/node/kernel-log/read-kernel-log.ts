import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** What the kernel's log holds. */
export interface KernelLog {
  /** The records that the kernel has written itself, without those that programs have. */
  readonly texts: readonly string[];
  /** Whether records since the start of the machine were overwritten. */
  readonly isOverwritten: boolean;
}

/** Bytes that a record may take, as the kernel writes it. */
const longestRecord = 8192;
/** Priority, number of the record, time, flags, and the text up to its first line. */
const recordPattern = /^(\d+),(\d+),\d+,[^;]*;([^\n]*)/;
/** Programs cannot write records of a lower priority number: those are of the kernel. */
const firstOfPrograms = 8;

/**
 * Reads all that the kernel's log holds, and waits for nothing. Throws an error of the system if
 * this process may not read it.
 */
export async function readKernelLog(path = '/dev/kmsg'): Promise<KernelLog> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return parseKernelLog(await readRecords(file));
  } finally {
    await file.close();
  }
}

/** Reads records in the format of /dev/kmsg. Other texts are left out. */
export function parseKernelLog(records: readonly string[]): KernelLog {
  const parsed = records.flatMap((record) => {
    const [, priority, number, text = ''] = recordPattern.exec(record) ?? [];
    return priority === undefined ? [] : [{ priority: Number(priority), number: Number(number), text }];
  });
  return {
    texts: parsed.filter(({ priority }) => priority < firstOfPrograms).map(({ text }) => text),
    isOverwritten: parsed.some(({ number }, index) => number !== index),
  };
}

async function readRecords(file: FileHandle): Promise<readonly string[]> {
  const records: string[] = [];
  const buffer = Buffer.alloc(longestRecord);
  for (;;) {
    try {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return records;
      records.push(buffer.toString('utf8', 0, bytesRead));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return records;
      // EPIPE: records were overwritten before they were read; the next read goes on after them.
      if (code !== 'EPIPE') throw error;
    }
  }
}
