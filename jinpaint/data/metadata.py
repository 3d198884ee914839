"""What an image file says about its picture, apart from the pixels.

It becomes `jinpaint.data.decoding.Picture.metadata`, which says what is kept.
"""

from typing import Any

from PIL import ExifTags, Image, JpegImagePlugin
import tifffile

# The tags of a TIFF file that describe the picture and not how it is stored.
_DESCRIPTIVE = (
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model,
    ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist,
    ExifTags.Base.Copyright)
_SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


def described(exif: Image.Exif) -> Image.Exif:
  """Returns what describes the picture, of all tags of a TIFF file."""
  kept = Image.Exif()
  for tag in _DESCRIPTIVE:
    if tag in exif:
      kept[tag] = exif[tag]
  for directory in _SUB_DIRECTORIES:
    if values := exif.get_ifd(directory):
      kept[directory] = values
  return kept


def exif_of(image: Image.Image) -> Image.Exif:
  """Returns the EXIF of a file; nothing if it is broken."""
  try:
    return image.getexif()
  except Exception:  # Pillow names no errors; broken EXIF spoils no pixels
    return Image.Exif()


def of_image(image: Image.Image, exif: Image.Exif
             ) -> tuple[dict[str, Any], str]:
  """Returns what is kept of a file, and a note of what cannot be kept.

  Args:
    image: the file.
    exif: what is to be kept of its EXIF.
  """
  info, note = image.info, ''
  metadata = {key: info[key] for key in (
      'icc_profile', 'dpi', 'gamma', 'chromaticity', 'srgb')
              if info.get(key) is not None}
  if not all(0 < number < 65536 for number in metadata.get('dpi', ())):
    del metadata['dpi']  # no resolution, and not to be written
  if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode in (
      'L', 'RGB'):
    sampling = JpegImagePlugin.get_sampling(image)
    metadata |= {'qtables': list(image.quantization.values()),
                 'subsampling': max(sampling, 0),
                 'progressive': bool(info.get('progressive'))}
  try:
    if len(exif):
      metadata['exif'] = exif.tobytes()
  except Exception:  # as above
    note = 'has EXIF that cannot be read, which is dropped'
  return metadata, note


def of_page(page: tifffile.TiffPage) -> dict[str, Any]:
  """Returns what is kept of a page of a TIFF file that Pillow does not read."""
  exif = Image.Exif()
  for tag in _DESCRIPTIVE:
    if tag in page.tags:
      exif[tag] = page.tags[tag].value
  metadata: dict[str, Any] = {
      'icc_profile': page.iccprofile,
      'exif': exif.tobytes() if len(exif) else None}
  if 'ResolutionUnit' in page.tags:
    metadata['dpi'] = page.get_resolution(tifffile.RESUNIT.INCH)
  return {key: value for key, value in metadata.items() if value}
