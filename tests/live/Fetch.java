/* A client with a trust store of its own that reads no proxy variable. */
import java.net.HttpURLConnection;
import java.net.URI;

public class Fetch {
	public static void main(String[] urls) throws Exception {
		for (String url : urls) {
			HttpURLConnection c = (HttpURLConnection) URI.create(url).toURL().openConnection();

			System.out.println(c.getResponseCode() + " " + c.getInputStream().readAllBytes().length);
		}
	}
}
