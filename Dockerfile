# One image for all of Headwater's services; docker-compose.yml says which command each runs.
FROM python:3.11-slim

# The sandbox's embedded PostgreSQL and Dagster's child processes need nothing beyond this image.
RUN useradd --create-home --uid 1000 headwater
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY headwater headwater
COPY connectors connectors
COPY syncs syncs
COPY orchestration orchestration
COPY sandbox sandbox
COPY dbt_project dbt_project
RUN pip install --no-cache-dir --constraint constraints.txt --editable '.[sandbox,services]' \
    && mkdir var && chown -R headwater:headwater /app
USER headwater
ENV DAGSTER_DISABLE_TELEMETRY=yes DBT_SEND_ANONYMOUS_USAGE_STATS=False
CMD ["headwater", "--help"]
