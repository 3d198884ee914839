"""Evaluation: how well holes are filled, and how that is told.

| module          | what it is                                                |
|-----------------|-----------------------------------------------------------|
| `metrics`       | the arithmetic: functions that compare batches of images  |
| `measures`      | the columns of a table, each with its name and definition |
| `needs`         | the published networks that measures apply                |
| `baselines`     | the rows beside a system: classical methods               |
| `protocol`      | what a score depends on: photographs, sizes, holes, rules |
| `means`         | means over images, and what they leave out                |
| `scores`        | scoring: measures of a system and of classical methods    |
| `models`        | the systems that are scored: runs and packed models       |
| `contest`       | all of them on the same photographs and holes             |
| `predictions`   | pictures that were made elsewhere                         |
| `inception`     | the features of sets of images ...                        |
| `frechet`       | ... and FID of them ...                                   |
| `distributions` | ... and KID, P-IDS and U-IDS                              |
| `rows`          | checks that these share                                   |
| `sets`          | the columns of measures that compare sets of images       |
| `intervals`     | how sure a mean is: the bootstrap                         |
| `manifest`      | what an evaluation was made of                            |
| `literature`    | the numbers that papers print                             |
| `reports`       | scores as tables, files and a picture                     |
| `details`       | the tables that follow: intervals, differences, ratios    |
| `latex`         | the table of means as LaTeX                               |
| `records`       | the scores of each image as a CSV                         |
| `gallery`       | the best, the median and the worst images as pictures     |
| `grid`          | the cells and lines of a table                            |
| `evaluate`      | all of it for a run, from its checkpoint to a report      |
"""
