/**
 * The command that writes a profile as runtimes read it, whatever its form; FILE stands for the
 * profile's.
 */
export const convertCommand = 'fairlead convert --to runtime FILE';
