/**
 * Where a picture lies on its stage, as values. Knows no elements.
 *
 * A view is a scale of the size at which the picture fits, 1 for fitting, and how far the picture's
 * middle lies from the stage's, in CSS pixels. A photo has the `width` and `height` of its original.
 */

export const FIT = Object.freeze({ scale: 1, x: 0, y: 0 });

const SIZES = [1280, 2048]; // longest sides of thumbnails; smaller ones are for grids
const ENLARGED = 2; // small photos are shown up to so many times their size
const CLOSEST = 4; // CSS pixels for one pixel of a photo

/** The size at which a photo fits its stage. */
export function fitting(photo, stage) {
  const scale = Math.min(stage.width / photo.width, stage.height / photo.height, ENLARGED);
  return { width: photo.width * scale, height: photo.height * scale };
}

/** The largest scale there is. */
export function largest(photo, size) {
  return Math.max(2, (CLOSEST * photo.width) / size.width);
}

/** The scale that shows each pixel of a photo as one, or twice what fits where that is little. */
export function close(photo, size) {
  const whole = photo.width / size.width;
  return whole > 1.2 ? whole : 2;
}

/** A view moved so that no side of the stage is empty that need not be. */
export function kept({ scale, x, y }, size, stage) {
  const across = Math.max(0, (size.width * scale - stage.width) / 2);
  const down = Math.max(0, (size.height * scale - stage.height) / 2);
  return { scale, x: between(-across, x, across), y: between(-down, y, down) };
}

/** A view at another scale: what is at a point, from the stage's middle, stays there. */
export function scaled(view, scale, point, size, stage) {
  const ratio = scale / view.scale;
  const x = point.x - (point.x - view.x) * ratio;
  const y = point.y - (point.y - view.y) * ratio;
  return kept({ scale, x, y }, size, stage);
}

/** The longest side of the thumbnail that is sharp enough, or "original" where none is. */
export function sharpEnough(photo, size, scale, density) {
  const shown = Math.max(size.width, size.height) * scale * density;
  const wanted = Math.min(shown, Math.max(photo.width, photo.height));
  return SIZES.find((each) => each >= wanted) ?? "original";
}

export function between(low, value, high) {
  return Math.min(Math.max(value, low), high);
}
