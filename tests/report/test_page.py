"""The page has all that its folders hold, as text, and asks for nothing."""

import base64
import hashlib
from html.parser import HTMLParser
import json
import re

import pytest
import report_files

from jinpaint import report
from jinpaint.errors import UsageError

TEMPLATES = 'jinpaint/report/templates'


class Page(HTMLParser):
  """Collects the elements and the text of a page.

  Attributes:
    elements: (name, {attribute: value}).
    values: those of <data> elements.
    text: all text but scripts and styles.
    open: the names of the elements that are open.
  """

  VOID = ('meta', 'img', 'input', 'br')

  def __init__(self, path):
    super().__init__()
    self.elements, self.values, self.open, self._texts = [], set(), [], []
    self.source = path.read_text()
    self.feed(self.source)
    self.text = ' '.join(' '.join(self._texts).split())

  def handle_starttag(self, name, attributes):
    self.elements.append((name, dict(attributes)))
    if name == 'data':
      self.values.add(float(dict(attributes)['value']))
    if name not in self.VOID:
      self.open.append(name)

  def handle_startendtag(self, name, attributes):
    self.elements.append((name, dict(attributes)))

  def handle_endtag(self, name):
    assert self.open.pop() == name

  def handle_data(self, data):
    if self.open and self.open[-1] not in ('script', 'style'):
      self._texts.append(data)

  def named(self, name):
    return [attributes for element, attributes in self.elements
            if element == name]


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
  """Two runs, of which the first has been evaluated, and their page."""
  place = tmp_path_factory.mktemp('report')
  first = report_files.run(place / 'first')
  second = report_files.run(place / 'second', learning_rate=0.7)
  report_files.evaluation(first / 'evaluation')
  return first, second


@pytest.fixture(scope='module')
def page(folders):
  """The page of the first run."""
  first, _ = folders
  report.write([first], first / 'report.html')
  return Page(first / 'report.html')


def numbers(tree):
  """All numbers with a fractional part in nested JSON."""
  if isinstance(tree, dict):
    return {number for branch in tree.values() for number in numbers(branch)}
  return {tree} if isinstance(tree, float) else set()


def test_every_number_of_the_summary_is_in_the_page(page, folders):
  content = json.loads(
      (folders[0] / 'evaluation' / 'summary.json').read_text())
  wanted = numbers(content).union(*(
      numbers(row['methods']) for row in content['bins']))
  assert len(wanted) == 1 + 3 * 6 + 2 * 6 + 3 + 2 * 3 * 6
  assert wanted <= page.values
  for word in ('N = 6 images', 'holes of 25.9 % on average', 'PSNR', 'LPIPS',
               'ten logarithms', 'distance of <features>; lower is better',
               'OpenCV Telea: it looks & <guesses>.', 'ab12cd', '<host>',
               'images that the mean of PSNR is of: 5; infinite: 1 (identical',
               'step 77', 'strokes', 'folder:/<b>photos'):
    assert word in page.text, word


def test_what_was_not_measured_is_said_and_sets_have_their_definition(page):
  assert 'fid/clean left out: no <weights> here.' in page.text
  assert 'of <all>; lower is better.' in page.text


def test_the_best_mean_of_a_column_is_bold(page, folders):
  means = report_files.summary()['methods']
  best = {f'{choose(mean[key]["mean"] for mean in means.values()):.{digits}f}'
          for key, choose, digits in (('psnr', max, 2), ('lpips', min, 4))}
  bold = set(re.findall(r'<strong><data [^>]*>([^<]*)', page.source))
  assert bold == best


def test_names_and_settings_are_text_and_never_markup(page):
  assert {'src': 'x'} not in page.named('img')
  assert len(page.named('script')) == 1
  assert not page.named('b')
  assert not page.named('i')
  for word in (report_files.HOSTILE, report_files.METHODS[2], 'folder:/<i>x',
               'net/kernel | (3, 3) | <9>'):
    assert word in page.text
  alts = [image['alt'] for image in page.named('img')]
  assert f'truth, {report_files.HOSTILE}' in alts


def test_nothing_is_loaded_from_elsewhere(page):
  for name, attributes in page.elements:
    for key, value in attributes.items():
      assert key not in ('srcset', 'style', 'background', 'ping')
      assert not key.startswith('on')
      if key in ('src', 'href', 'data', 'action', 'poster', 'xlink:href'):
        assert value.startswith(('data:image/', '#')), (name, key, value)
  assert 'http' not in re.sub('http-equiv', '', page.source)
  assert not re.search(r'url\(|@import|fetch\(|XMLHttp|import\(', page.source)
  [policy] = [meta['content'] for meta in page.named('meta')
              if meta.get('http-equiv') == 'Content-Security-Policy']
  assert policy.startswith("default-src 'none'; img-src data:;")
  for element in ('script', 'style'):
    [content] = re.findall(f'<{element}>(.*?)</{element}>', page.source, re.S)
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest())
    assert f"{element}-src 'sha256-{digest.decode()}'" in policy


def test_the_page_is_well_formed_and_can_be_used_by_all(page):
  assert page.open == []
  ids = [attributes['id'] for _, attributes in page.elements
         if 'id' in attributes]
  assert len(set(ids)) == len(ids)
  for link in page.named('a'):
    assert link['href'].removeprefix('#') in ids
  assert all(image['alt'] for image in page.named('img'))
  assert all(button['type'] == 'button' for button in page.named('button'))
  for plot in page.named('svg'):
    assert plot.get('aria-label') or plot.get('aria-hidden') == 'true'
  labelled = {label['for'] for label in page.named('label')}
  for control in [*page.named('select'), *page.named('input')]:
    assert control['id'] in labelled


def test_the_gallery_has_every_model_and_the_outline_of_the_mask(page):
  [*cases, _, _] = [attributes for _, attributes in page.elements
                    if 'data-views' in attributes]
  assert [case['data-views'] for case in cases] == [
      f'best: {report_files.HOSTILE}', 'worst: e.png']
  # Truth and three methods twice, the examples, two steps of the training.
  assert len(page.named('img')) == 2 * 4 + 1 + 2
  outlines = [plot for plot in page.named('svg')
              if plot.get('class') == 'outline']
  assert len(outlines) == 2 * 4
  score = report_files.scores('OpenCV Telea', 'psnr')[1]
  assert f'PSNR {score:.2f}' in page.text


def test_outlines_of_thin_holes_are_off_at_first(tmp_path):
  summary = report_files.summary()
  for share, pressed in ((0.09, 'false'), (0.11, 'true')):
    report_files.evaluation(tmp_path, {**summary, 'mean_hole_fraction': share})
    report.write([tmp_path], tmp_path / 'page.html')
    page = Page(tmp_path / 'page.html')
    [button] = [attributes for attributes in page.named('button')
                if 'data-outline' in attributes]
    assert button['aria-pressed'] == pressed
    assert any(attributes.get('class') == 'gallery no-outline'
               for attributes in page.named('div')) == (pressed == 'false')


def test_each_image_is_a_dot_unless_its_score_is_infinite(page):
  dots = [attributes for _, attributes in page.elements
          if attributes.get('class') == 'image']
  assert len(dots) == 2 * 3 * 6 - 1
  score = report_files.scores('jinpaint', 'lpips')[0]
  assert f'a.png, jinpaint: {score:.4g} , holes 5.0 %' in page.text


def test_curves_of_several_runs_are_drawn_over_each_other(folders, tmp_path):
  report.write(folders, tmp_path / 'both.html')
  page = Page(tmp_path / 'both.html')
  series = [attributes for _, attributes in page.elements
            if 'data-points' in attributes]
  assert [one['data-name'] for one in series] == 6 * ['first', 'second']
  steps = [[point[2:] for point in json.loads(one['data-points'])]
           for one in series[:2]]
  assert steps[0] == steps[1]
  assert steps[0][1] == [2, 0.5]
  for title in ('Losses', 'Learning rates', 'Norms of gradients',
                'Scores on held-out images', 'Speed', 'PSNR, dB'):
    assert title in page.text
  assert 'seconds_left' not in page.text
  # Only the row in which the runs differ is marked.
  assert re.findall('≠ ([a-z_.]+)', page.text) == ['learning_rate']
  assert 'second has no evaluation: evaluate.py makes one.' in page.text


def test_what_a_run_does_not_have_is_said(tmp_path):
  (tmp_path / 'config.json').write_text('{"system": "pconv"}')
  report.write([tmp_path], tmp_path / 'r.html')
  text = Page(tmp_path / 'r.html').text
  for word in ('no evaluation', 'no event files', 'no parameters.txt'):
    assert word in text
  evaluation = tmp_path / 'evaluation'
  report_files.evaluation(evaluation)
  (evaluation / 'images.csv').unlink()
  (evaluation / 'gallery' / '0.png').write_bytes(b'no picture')
  report.write([tmp_path], tmp_path / 'r.html')
  text = Page(tmp_path / 'r.html').text
  assert 'There is no images.csv, and so there are no dots.' in text
  assert text.count(' no picture truth ') == 2
  assert 'Cannot be read: ' in text


def test_pictures_end_where_the_page_would_become_too_large(folders, tmp_path):
  first, _ = folders
  report.write([first], tmp_path / 'r.html', picture_bytes=6000)
  page = Page(tmp_path / 'r.html')
  shown = page.named('img')
  assert 0 < len(shown) < 11
  assert sum(len(image['src']) for image in shown) <= 6000
  [number] = re.findall(r'outlines left out: (\d+)\.', page.text)
  assert int(number) >= 11 - len(shown)


def test_a_long_table_or_value_is_cut_and_that_is_said(tmp_path):
  content = report_files.summary()
  content['manifest'] = {
      'list': 'x' * 5000, **{f'file {i}': i for i in range(999)}}
  report_files.evaluation(tmp_path, content)
  report.write([tmp_path], tmp_path / 'r.html')
  page = Page(tmp_path / 'r.html')
  assert f'{"x" * 1000} ... (5000 characters)' in page.text
  assert 'x' * 1001 not in page.text
  assert 'file 398 398 600 more rows are left out.' in page.text


@pytest.mark.parametrize(('content', 'message'), [
    (None, 'holds no run and no evaluation'),
    ('{', 'cannot read .*summary.json'),
    ('[]', 'cannot read .*summary.json'),
    ('{"methods": {"a": 3}}', 'summary.json does not say')])
def test_a_folder_that_cannot_be_read_is_refused(content, message, tmp_path):
  if content is not None:
    (tmp_path / 'summary.json').write_text(content)
  with pytest.raises(UsageError, match=message):
    report.write([tmp_path], tmp_path / 'r.html')
  assert not (tmp_path / 'r.html').exists()


def test_colours_have_the_contrast_that_wcag_asks_for():
  """Text 4.5, lines 3 (WCAG 2.1, 1.4.3 and 1.4.11), light and dark."""
  found = re.findall(r'--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);',
                     report.SHARED_STYLE.read_text())
  schemes = [{name: both[i] for name, *both in found} for i in (0, 1)]

  def luminance(colour):
    channels = [int(colour[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear,
                                     strict=True))

  for colours in schemes:
    for name, least in [('ink', 4.5), ('soft', 4.5), ('link', 4.5),
                        ('focus', 3), *((f'series-{i}', 3) for i in range(7))]:
      for ground in ('paper', 'panel'):
        low, high = sorted(map(luminance, (colours[name], colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= least, (name, ground)
    low, high = sorted(map(luminance, (colours['ink'], colours['strong'])))
    assert (high + 0.05) / (low + 0.05) >= 4.5
