// What was done, to be undone. A layer has two values, so a change is the set of
// pixels that it turned over; turning them over again undoes it, and once more
// does it again. The set is kept as runs, so that a stroke on a picture of 12
// megapixels takes some kilobytes.

/** Returns the runs in which two layers differ within a box: their starts and
 * lengths in turn. */
export function difference(before, {width, data}, box) {
  const runs = [];
  for (let y = box.top; y < box.bottom; y++) {
    const end = y * width + box.right;
    let i = y * width + box.left;
    while (i < end) {
      while (i < end && before[i] === data[i]) i++;
      const start = i;
      while (i < end && before[i] !== data[i]) i++;
      if (start === i) continue;
      const last = runs.length - 2; // rows of full width join each other
      if (last >= 0 && runs[last] + runs[last + 1] === start) {
        runs[last + 1] += i - start;
      } else {
        runs.push(start, i - start);
      }
    }
  }
  return Uint32Array.from(runs);
}

/** Turns over all pixels of the runs and returns the box of them. */
export function turnOver({width, data}, runs) {
  let [left, right] = [width, 0];
  for (let i = 0; i < runs.length; i += 2) {
    const [start, end] = [runs[i], runs[i] + runs[i + 1]];
    for (let j = start; j < end; j++) data[j] ^= 1;
    const isOneRow = Math.floor(start / width) === Math.floor((end - 1) / width);
    left = isOneRow ? Math.min(left, start % width) : 0;
    right = isOneRow ? Math.max(right, (end - 1) % width + 1) : width;
  }
  return {
    left, right, top: Math.floor(runs[0] / width),
    bottom: Math.floor((runs.at(-2) + runs.at(-1) - 1) / width) + 1};
}

export class History {
  /** Keeps at most so many bytes of changes; the oldest are forgotten. */
  constructor(bytes = 64 * 2 ** 20) {
    this.bytes = bytes;
    this.reset();
  }

  reset() {
    this.changes = []; // [{name, runs}], done and undone ones
    this.done = 0;
    this.used = 0;
  }

  get canUndo() { return this.done > 0; }
  get canRedo() { return this.done < this.changes.length; }

  /** Takes in a change of the layer of this name; what was undone is gone. */
  add(name, runs) {
    if (!runs.length) return;
    for (const change of this.changes.splice(this.done)) {
      this.used -= change.runs.byteLength;
    }
    this.changes.push({name, runs});
    this.used += runs.byteLength;
    while (this.used > this.bytes && this.changes.length > 1) {
      this.used -= this.changes.shift().runs.byteLength;
    }
    this.done = this.changes.length;
  }

  /** Undoes the last change and returns {name, box}, or null. */
  undo(layers) {
    return this.canUndo ? this.#apply(layers, this.changes[--this.done]) : null;
  }

  redo(layers) {
    return this.canRedo ? this.#apply(layers, this.changes[this.done++]) : null;
  }

  #apply(layers, {name, runs}) {
    return {name, box: turnOver(layers[name], runs)};
  }
}
