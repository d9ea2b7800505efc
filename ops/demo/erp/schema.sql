CREATE TYPE account_status AS ENUM ('prospect', 'active', 'closed');

CREATE TABLE customers (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_number text NOT NULL UNIQUE,
    company_name    text,
    first_name      text NOT NULL,
    last_name       text NOT NULL,
    email           text,
    phone           varchar(32),
    street          text NOT NULL,
    postcode        text NOT NULL,
    city            text NOT NULL,
    country         char(2) NOT NULL,
    annual_spend    numeric(14,2) NOT NULL DEFAULT 0,
    status          account_status NOT NULL DEFAULT 'active',
    since           date NOT NULL,
    tags            text[],
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL,
    ordered_at   timestamp NOT NULL,
    currency     char(3) NOT NULL,
    total        numeric(12,2) NOT NULL,
    state        text NOT NULL,
    lines        jsonb NOT NULL
);

CREATE TABLE invoices (
    id         uuid PRIMARY KEY,
    order_id   bigint NOT NULL,
    amount     numeric(12,2) NOT NULL,
    due_on     date NOT NULL,
    paid       boolean NOT NULL DEFAULT false,
    discount   double precision
);
