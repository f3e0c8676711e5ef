-- BigQuery: the export as one flat table. A view is enough; a table that grows by the day costs less to read.
CREATE OR REPLACE VIEW `acme-analytics.staging.stg_ga4_events` AS
SELECT
  TO_HEX(MD5(CONCAT(
    user_pseudo_id, '|', CAST(event_timestamp AS STRING), '|', event_name,
    '|', CAST(IFNULL(event_bundle_sequence_id, 0) AS STRING), '|', CAST(IFNULL(batch_event_index, 0) AS STRING)
  ))) AS event_id,
  user_pseudo_id,
  event_name,
  event_timestamp,
  (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS ga_session_id,
  (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'page_location') AS page_location,
  device.category AS device_category,
  ecommerce.purchase_revenue AS purchase_revenue
FROM `acme-analytics.analytics_123456789.events_*`
WHERE _TABLE_SUFFIX BETWEEN '20260101' AND '20991231'
