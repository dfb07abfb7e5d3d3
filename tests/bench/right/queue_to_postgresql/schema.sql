CREATE TABLE parcels (
  id SERIAL PRIMARY KEY,
  order_id VARCHAR(40) NOT NULL,
  size parcel_size NOT NULL DEFAULT 'small',
  sent_at TIMESTAMPTZ DEFAULT now(),
  CONSTRAINT one_for_each_order UNIQUE (order_id)
);
CREATE TYPE parcel_size AS ENUM ('small', 'large');
