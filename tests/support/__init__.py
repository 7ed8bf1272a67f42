"""What the tests share: real databases, members who act through them, refusals by SQLSTATE."""
