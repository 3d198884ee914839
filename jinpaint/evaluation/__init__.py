"""Evaluation: how well holes are filled, and how that is told.

| module          | what it is                                                |
|-----------------|-----------------------------------------------------------|
| `metrics`       | the arithmetic: functions that compare batches of images  |
| `measures`      | the columns of a table, each with its name and definition |
| `needs`         | the published networks that measures apply                |
| `baselines`     | the rows beside a system: classical methods               |
| `scores`        | scoring: measures of a system and of classical methods    |
| `literature`    | the numbers that papers print                             |
| `reports`       | scores as tables, files and a picture                     |
| `evaluate`      | all of it for a run, from its checkpoint to a report      |
| `inception`     | the features of sets of images ...                        |
| `frechet`       | ... and FID of them ...                                   |
| `distributions` | ... and KID, P-IDS and U-IDS                              |
| `rows`          | checks that these share                                   |
"""
