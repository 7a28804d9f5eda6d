"""Units of time, each said once."""

HOURS_PER_DAY = 24.0
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0  # 30.44
DAY_365 = 365.0  # the landmark of one-year rates: "in remission on day 365"
