import io.apicurio.registry.serde.avro.NonRecordContainer;
import io.apicurio.registry.utils.converter.avro.AvroData;
import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Runs the connector that the properties on standard input describe, until it
 * is killed, and prints each record as one line of JSON on standard output.
 *
 * <p>What stands in the key, the value and each header is given twice: as
 * Connect's JSON converter writes it with its schema, to be read by a person,
 * and as the Avro converter writes it, its schema as text and its bytes in
 * base64, to be compared. An absent key or value is null.
 */
public final class Reference {
    private final AvroData avro = new AvroData(1000);
    private final JsonConverter json = new JsonConverter();
    private final PrintStream out;

    private Reference(PrintStream out) {
        this.out = out;
        json.configure(Map.of("schemas.enable", "true"), false);
    }

    public static void main(String[] args) throws Exception {
        // Loggers that write to standard output must not write between the lines.
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Properties properties = new Properties();
        try (InputStream in = System.in) {
            properties.load(in);
        }
        Reference reference = new Reference(out);
        DebeziumEngine<ChangeEvent<SourceRecord, SourceRecord>> engine = DebeziumEngine.create(Connect.class)
                .using(properties)
                .using((success, message, error) -> {
                    if (error != null) {
                        error.printStackTrace();
                    }
                    System.err.println("the connector has ended: " + message);
                    System.exit(1);
                })
                .notifying((events, committer) -> {
                    for (ChangeEvent<SourceRecord, SourceRecord> event : events) {
                        reference.print(event.value());
                        committer.markProcessed(event);
                    }
                    committer.markBatchFinished();
                    out.flush();
                })
                .build();
        ExecutorService executor = Executors.newSingleThreadExecutor();
        executor.execute(engine);
    }

    private void print(SourceRecord record) {
        StringBuilder line = new StringBuilder("{\"topic\":").append(quote(record.topic()));
        part(line.append(",\"key\":"), record.topic(), record.keySchema(), record.key());
        part(line.append(",\"value\":"), record.topic(), record.valueSchema(), record.value());
        line.append(",\"headers\":[");
        String comma = "";
        for (Header header : record.headers()) {
            line.append(comma).append("{\"name\":").append(quote(header.key()));
            part(line.append(",\"value\":"), record.topic(), header.schema(), header.value());
            line.append('}');
            comma = ",";
        }
        out.println(line.append("]}"));
    }

    private void part(StringBuilder line, String topic, Schema schema, Object value) {
        if (schema == null || value == null) {
            line.append("null");
            return;
        }
        org.apache.avro.Schema written = avro.fromConnectSchema(schema);
        line.append("{\"schema\":").append(quote(written.toString()));
        line.append(",\"avro\":\"").append(Base64.getEncoder().encodeToString(bytes(written, avro.fromConnectData(schema, value))));
        line.append("\",\"connect\":").append(new String(json.fromConnectData(topic, schema, value), StandardCharsets.UTF_8)).append('}');
    }

    private static byte[] bytes(org.apache.avro.Schema schema, Object datum) {
        if (datum instanceof NonRecordContainer) {
            datum = ((NonRecordContainer) datum).getValue();
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        try {
            new GenericDatumWriter<>(schema).write(datum, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return bytes.toByteArray();
    }

    private static String quote(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            if (c == '"' || c == '\\') {
                b.append('\\').append(c);
            } else if (c < ' ') {
                b.append(String.format("\\u%04x", (int) c));
            } else {
                b.append(c);
            }
        }
        return b.append('"').toString();
    }
}
