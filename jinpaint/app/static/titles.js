// How the systems write their names; others are called as their configs.
const TITLES = {
  cfs: 'CFS', edgeconnect: 'EdgeConnect', gated: 'Gated convolution',
  inpaintgan: 'InpaintGAN', isnet: 'ISNet', lama: 'LaMa', pconv: 'PConv',
  pconv_lines: 'PConv for lines', quickstart: 'Quick start',
  scratches: 'Scratches', sketchrefiner: 'SketchRefiner'};

/** Returns what people call a system or a config. */
export const titleOf = name => TITLES[name] ?? name;

/** How a training or an evaluation stands, by the server's word. */
export const STATES = {
  running: 'at work', finished: 'finished', stopped: 'stopped',
  failed: 'failed', killed: 'ended from outside'};

export const PHOTOS_TITLE = 'the photographs that come with scikit-image';

/** Returns what people call a folder below the one of --data. */
export const folderTitle = path => path === '.' ? 'the whole folder' : path;

/** Returns how many images a folder has. */
export const imagesIn = ({images, more}) =>
  `${images}${more ? ' or more' : ''} images`;
