/** Who writes, in the managed fields of objects. */
export const fieldManager = 'fairlead-operator';
