CREATE DATABASE crm CHARACTER SET utf8mb4;

-- revision goes up by one with each change of a row.
CREATE TABLE crm.contacts (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    first_name VARCHAR(80) NOT NULL,
    last_name  VARCHAR(80) NOT NULL,
    company    VARCHAR(200),
    email      VARCHAR(200),
    phone      VARCHAR(40),
    city       VARCHAR(80) NOT NULL,
    stage      ENUM('lead', 'qualified', 'customer', 'lost') NOT NULL DEFAULT 'lead',
    labels     SET('vip', 'newsletter', 'partner') NOT NULL DEFAULT '',
    opted_in   BOOLEAN NOT NULL DEFAULT FALSE,
    remark     VARCHAR(200) CHARACTER SET latin1,
    profile    JSON,
    updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    revision   INT UNSIGNED NOT NULL DEFAULT 1
);

CREATE TABLE crm.deals (
    contact_id BIGINT UNSIGNED NOT NULL,
    reference  VARCHAR(20) NOT NULL,
    title      TEXT NOT NULL,
    amount     DECIMAL(12,2) NOT NULL,
    currency   CHAR(3) NOT NULL,
    chance     DOUBLE,
    closes_on  DATE,
    revision   INT UNSIGNED NOT NULL DEFAULT 1,
    PRIMARY KEY (contact_id, reference)
);

CREATE TABLE crm.calls (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    contact_id BIGINT UNSIGNED NOT NULL,
    begun_at   DATETIME(6) NOT NULL,
    minutes    SMALLINT UNSIGNED NOT NULL,
    summary    TEXT NOT NULL,
    revision   INT UNSIGNED NOT NULL DEFAULT 1
);
