// Layers of two values, 0 and 1, one byte for each pixel of the picture, and
// what draws on them. Nothing here knows of a screen. Strokes have no grey edges
// and are as wide as their number of pixels says.
//
// A layer is {width, height, data}. A box is {left, top, right, bottom}, right
// and bottom excluded, or null if it is empty; what draws returns the box that
// holds all that it may have changed.

export const createLayer = (width, height) =>
  ({width, height, data: new Uint8Array(width * height)});

export const whole = ({width, height}) =>
  ({left: 0, top: 0, right: width, bottom: height});

/** Returns the box that holds both. */
export function union(one, other) {
  if (!one) return other;
  if (!other) return one;
  return {
    left: Math.min(one.left, other.left), top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom)};
}

/** Returns the part of a box that lies inside a layer. */
export function clip(layer, {left, top, right, bottom}) {
  const box = {
    left: Math.max(0, Math.floor(left)), top: Math.max(0, Math.floor(top)),
    right: Math.min(layer.width, Math.ceil(right)),
    bottom: Math.min(layer.height, Math.ceil(bottom))};
  return box.left < box.right && box.top < box.bottom ? box : null;
}

// Sets the pixels of row y whose centres lie between the two places.
function fillRow(layer, y, from, to, value) {
  const first = Math.max(0, Math.ceil(from - 0.5));
  const last = Math.min(layer.width - 1, Math.floor(to - 0.5));
  if (first <= last) {
    layer.data.fill(value, y * layer.width + first, y * layer.width + last + 1);
  }
}

/** Moves a place so that a brush of this width covers whole pixels: to the
 * middle of a pixel for odd widths, to a corner for even ones. */
export function snap({x, y}, width) {
  return width % 2 ? {x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5} :
    {x: Math.round(x), y: Math.round(y)};
}

// A hair's breadth, so that rounding errors leave out no pixel of a border.
const HAIR = 1e-6;

/** Draws a straight stroke with round ends: all pixels whose centres are no
 * further than half the width from the line. */
export function drawLine(layer, start, end, width, value) {
  const [a, b] = [snap(start, width), snap(end, width)];
  const radius = width / 2 + HAIR;
  const box = clip(layer, {
    left: Math.min(a.x, b.x) - radius, right: Math.max(a.x, b.x) + radius,
    top: Math.min(a.y, b.y) - radius, bottom: Math.max(a.y, b.y) + radius});
  if (!box) return null;
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  for (let row = box.top; row < box.bottom; row++) {
    const y = row + 0.5;
    let [from, to] = [Infinity, -Infinity];
    for (const point of [a, b]) { // the round ends
      const square = radius ** 2 - (y - point.y) ** 2;
      if (square < 0) continue;
      from = Math.min(from, point.x - Math.sqrt(square));
      to = Math.max(to, point.x + Math.sqrt(square));
    }
    if (length > 0) { // the band between them
      const bounds = [[-Infinity, Infinity]];
      // 0 <= (x - a.x) dx + (y - a.y) dy <= length ** 2, along the line;
      // |(y - a.y) dx - (x - a.x) dy| <= radius * length, across it.
      bounds.push(solve(dx, (y - a.y) * dy - a.x * dx, 0, length ** 2));
      bounds.push(solve(-dy, (y - a.y) * dx + a.x * dy,
        -radius * length, radius * length));
      const low = Math.max(...bounds.map(bound => bound[0]));
      const high = Math.min(...bounds.map(bound => bound[1]));
      if (low <= high) [from, to] = [Math.min(from, low), Math.max(to, high)];
    }
    fillRow(layer, row, from, to, value);
  }
  return box;
}

// The interval of x in which low <= slope * x + offset <= high.
function solve(slope, offset, low, high) {
  if (slope === 0) {
    return low <= offset && offset <= high ?
      [-Infinity, Infinity] : [Infinity, -Infinity];
  }
  const ends = [(low - offset) / slope, (high - offset) / slope];
  return slope > 0 ? ends : ends.reverse();
}

/** Draws a full rectangle between the pixels of two corners, both included. */
export function drawRectangle(layer, start, end, value) {
  const box = clip(layer, {
    left: Math.floor(Math.min(start.x, end.x)),
    top: Math.floor(Math.min(start.y, end.y)),
    right: Math.floor(Math.max(start.x, end.x)) + 1,
    bottom: Math.floor(Math.max(start.y, end.y)) + 1});
  if (!box) return null;
  for (let y = box.top; y < box.bottom; y++) {
    layer.data.fill(
      value, y * layer.width + box.left, y * layer.width + box.right);
  }
  return box;
}

/** Draws all that a closed line of points goes around, and the line itself. */
export function drawPolygon(layer, points, value) {
  let box = null;
  points.forEach((point, i) => {
    box = union(box, drawLine(
      layer, point, points[(i + 1) % points.length], 1, value));
  });
  if (!box) return null;
  for (let row = box.top; row < box.bottom; row++) {
    const y = row + 0.5;
    const crossings = [];
    points.forEach((one, i) => {
      const other = points[(i + 1) % points.length];
      if ((one.y <= y) === (other.y <= y)) return;
      crossings.push({
        x: one.x + (y - one.y) / (other.y - one.y) * (other.x - one.x),
        turn: one.y < other.y ? 1 : -1});
    });
    crossings.sort((one, other) => one.x - other.x);
    let turns = 0;
    crossings.forEach(({x, turn}, i) => {
      turns += turn;
      if (turns) fillRow(layer, row, x, crossings[i + 1].x, value);
    });
  }
  return box;
}

export function invert(layer) {
  const {data} = layer;
  for (let i = 0; i < data.length; i++) data[i] ^= 1;
  return whole(layer);
}

export function clear(layer) {
  layer.data.fill(0);
  return whole(layer);
}

/** Returns how many pixels are marked. */
export function count({data}) {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i];
  return sum;
}

export const isEmpty = ({data}) => data.indexOf(1) < 0;

/** Adds to a layer all pixels within a distance of it; a negative distance
 * takes away all within it of what is not marked. Beyond the border of the
 * picture lies nothing that takes away. */
export function grow(layer, pixels) {
  if (pixels < 0) {
    invert(layer);
    grow(layer, -pixels);
    return invert(layer);
  }
  const {width, height, data} = layer;
  const before = data.slice();
  const reach = [];
  for (let dy = 0; dy <= pixels; dy++) {
    reach.push(Math.floor(Math.sqrt(pixels ** 2 - dy ** 2) + HAIR));
  }
  let start = before.indexOf(1);
  while (start >= 0) { // one run of a row after the other
    const y = Math.floor(start / width);
    const [left, end] = [y * width, (y + 1) * width];
    let stop = before.indexOf(0, start);
    if (stop < 0 || stop > end) stop = end;
    const low = Math.max(0, y - pixels);
    const high = Math.min(height - 1, y + pixels);
    for (let row = low; row <= high; row++) {
      const more = reach[Math.abs(row - y)];
      data.fill(1, row * width + Math.max(0, start - left - more),
        row * width + Math.min(width, stop - left + more));
    }
    start = before.indexOf(1, stop);
  }
  return whole(layer);
}
